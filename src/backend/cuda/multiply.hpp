#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/kernels/products.cuh"
#include "backend/cuda/stream.hpp"

/// Launches of the products for the codes of a weight; each family of kernels is compiled in its
/// own file.
namespace linnet::cuda {

/// Adds a product to those of a launch whose thread blocks take `outputs` each; false if it has
/// another layout than theirs, or no room.
bool join(const Product& product, int outputs, Products& all);

void multiply_few_quantised_rows(Stream& stream, const Products& all, const QuantisedRows& x,
                                 std::int64_t rows, const SliceChoice& choice);
/// What gate and up, two products of one layout of integer codes, give together: see
/// multiply_gated.
void multiply_gated_rows(Stream& stream, const Products& both, const QuantisedRows& x,
                         std::int64_t rows, const SliceChoice& choice, Activation activation,
                         const QuantisedRows& to);

/// The same for weights of float types.
void multiply_few_float_rows(Stream& stream, const Products& all, View in, std::int64_t rows,
                             const SliceChoice& choice);
void multiply_gated_float_rows(Stream& stream, const Products& both, View in, std::int64_t rows,
                               const SliceChoice& choice, Activation activation,
                               const QuantisedRows& to);
/// Whether rows of a weight of a float type and of its inputs are whole lines of 16 bytes.
inline bool has_lines(const WeightsView& w, View in) {
  return w.columns % 8 == 0 && in.stride % 4 == 0 &&
         reinterpret_cast<std::uintptr_t>(in.data) % 16 == 0;
}

/// How the rows of a product are cut: tiles of `tile_rows` (32 or 128 for multiply_tiled_rows, one
/// of kWarpgroupTiles for multiply_by_warpgroups), inputs into `splits`.
struct TileGrid {
  std::int64_t tiles;
  int tile_rows;
  std::int64_t splits;
};
void multiply_tiled_rows(Stream& stream, const Products& all, const HalfRows& x, std::int64_t rows,
                         const RowTiles& tiles, const TileGrid& grid, const Partial& partial);
/// Adds the parts of products whose inputs are split; nothing where they are not.
void add_parts_of(Stream& stream, const Products& all, const HalfRows& x, std::int64_t rows,
                  const TileGrid& grid, const Partial& partial);

/// Whether the device has wgmma and this program is compiled for it.
bool has_warpgroups(Stream& stream);
/// The same product as multiply_tiled_rows by wgmma; `x` is in binary16 for fragments. See
/// multiply_warpgroups.
void multiply_by_warpgroups(Stream& stream, const Products& all, const HalfRows& x,
                            std::int64_t rows, const RowTiles& tiles, const TileGrid& grid,
                            const Partial& partial);
/// In tiles of kPlainRows rows.
void multiply_plain_rows(Stream& stream, const WeightsView& w, View in, std::int64_t rows,
                         const RowTiles& tiles, std::int64_t tile_count, const Epilogue& epilogue);

}  // namespace linnet::cuda
