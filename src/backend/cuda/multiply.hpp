#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/kernels/products.cuh"
#include "backend/cuda/stream.hpp"

/// Launches of the products for the codes of a weight; each family of kernels is compiled in its
/// own file.
namespace linnet::cuda {

/// Adds a product to those of a launch; false if it has another layout than theirs, or no room.
bool join(const Product& product, Products& all);

void multiply_few_quantised_rows(Stream& stream, const Products& all, const QuantisedRows& x,
                                 std::int64_t rows, const SliceChoice& choice);
/// What gate and up, two products of one layout of integer codes, give together: see
/// multiply_gated.
void multiply_gated_rows(Stream& stream, const Products& both, const QuantisedRows& x,
                         std::int64_t rows, const SliceChoice& choice, Activation activation,
                         const QuantisedRows& to);
void multiply_few_float_rows(Stream& stream, const Products& all, View in, std::int64_t rows,
                             const SliceChoice& choice);

/// How the rows of a product are cut: tiles of `tile_rows` (32 or 128), inputs into `splits`.
struct TileGrid {
  std::int64_t tiles;
  int tile_rows;
  std::int64_t splits;
};
void multiply_tiled_rows(Stream& stream, const WeightsView& w, const HalfRows& x, std::int64_t rows,
                         const RowTiles& tiles, const TileGrid& grid, const Partial& partial,
                         const Epilogue& epilogue);
/// In tiles of kPlainTile rows.
void multiply_plain_rows(Stream& stream, const WeightsView& w, View in, std::int64_t rows,
                         const RowTiles& tiles, std::int64_t tile_count, const Epilogue& epilogue);

}  // namespace linnet::cuda
