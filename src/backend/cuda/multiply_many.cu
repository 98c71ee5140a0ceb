#include <algorithm>
#include <array>

#include "backend/cuda/kernels/multiply_many.cuh"
#include "backend/cuda/multiply.hpp"

namespace linnet::cuda {
namespace {

template <Codes kCodes, int kRows>
void run(Stream& stream, const Products& all, const HalfRows& x, std::int64_t rows,
         const RowTiles& tiles, const TileGrid& grid, const Partial& partial) {
  const dim3 blocks(all.firsts[all.count], static_cast<unsigned>(grid.tiles),
                    static_cast<unsigned>(grid.splits));
  constexpr std::size_t kBytes = tile_memory_bytes(kRows);
  stream.allow_shared_bytes(multiply_many<kCodes, kRows>, kBytes);
  stream.launch(multiply_many<kCodes, kRows>, blocks, dim3(kTileThreads), kBytes, all, x, rows,
                tiles, partial);
}

template <Codes kCodes>
void run_many(Stream& stream, const Products& all, const HalfRows& x, std::int64_t rows,
              const RowTiles& tiles, const TileGrid& grid, const Partial& partial) {
  const auto wanted = grid.tile_rows == 32 ? run<kCodes, 32> : run<kCodes, 128>;
  wanted(stream, all, x, rows, tiles, grid, partial);
}

using RunMany = decltype(&run_many<Codes::kBits8>);
// By Codes, from kHalf on.
constexpr std::array<RunMany, 11> kRunMany = {
    run_many<Codes::kHalf>,   run_many<Codes::kBfloat16>, run_many<Codes::kBits8>,
    run_many<Codes::kBits6>,  run_many<Codes::kBits5>,    run_many<Codes::kBits4>,
    run_many<Codes::kTable4>, run_many<Codes::kBits3>,    run_many<Codes::kTable3>,
    run_many<Codes::kBits2>,  run_many<Codes::kBits1>};

}  // namespace

void multiply_tiled_rows(Stream& stream, const Products& all, const HalfRows& x, std::int64_t rows,
                         const RowTiles& tiles, const TileGrid& grid, const Partial& partial) {
  const Codes codes = all.products[0].w.codes;
  kRunMany[static_cast<std::size_t>(codes) - static_cast<std::size_t>(Codes::kHalf)](
      stream, all, x, rows, tiles, grid, partial);
  add_parts_of(stream, all, x, rows, grid, partial);
}

void add_parts_of(Stream& stream, const Products& all, const HalfRows& x, std::int64_t rows,
                  const TileGrid& grid, const Partial& partial) {
  if (!partial.sums) return;
  const dim3 blocks(all.firsts[all.count], static_cast<unsigned>((rows + 7) / 8));
  stream.launch(add_parts, blocks, dim3(kTileThreads), 0, all, x, rows,
                static_cast<int>(grid.splits), partial);
}

void multiply_plain_rows(Stream& stream, const WeightsView& w, View in, std::int64_t rows,
                         const RowTiles& tiles, std::int64_t tile_count, const Epilogue& epilogue) {
  const dim3 blocks(static_cast<unsigned>((w.rows + kPlainOutputs - 1) / kPlainOutputs),
                    static_cast<unsigned>(tile_count));
  stream.launch(multiply_plain, blocks, dim3(kPlainThreads), 0, w, in.data, in.stride, rows, tiles,
                epilogue);
}

}  // namespace linnet::cuda
