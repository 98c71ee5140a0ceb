#include <algorithm>
#include <array>

#include "backend/cuda/kernels/multiply_many.cuh"
#include "backend/cuda/multiply.hpp"

namespace linnet::cuda {
namespace {

template <Codes kCodes, int kRows>
void run(Stream& stream, const WeightsView& w, const HalfRows& x, std::int64_t rows,
         const RowTiles& tiles, const TileGrid& grid, const Partial& partial,
         const Epilogue& epilogue) {
  const dim3 blocks(static_cast<unsigned>((w.rows + kTileOutputs - 1) / kTileOutputs),
                    static_cast<unsigned>(grid.tiles), static_cast<unsigned>(grid.splits));
  constexpr std::size_t kBytes = tile_memory_bytes(kRows);
  stream.allow_shared_bytes(multiply_many<kCodes, kRows>, kBytes);
  stream.launch(multiply_many<kCodes, kRows>, blocks, dim3(kTileThreads), kBytes, w, x, rows, tiles,
                partial, epilogue);
}

template <Codes kCodes>
void run_many(Stream& stream, const WeightsView& w, const HalfRows& x, std::int64_t rows,
              const RowTiles& tiles, const TileGrid& grid, const Partial& partial,
              const Epilogue& epilogue) {
  if (grid.tile_rows == 32) {
    run<kCodes, 32>(stream, w, x, rows, tiles, grid, partial, epilogue);
  } else {
    run<kCodes, 128>(stream, w, x, rows, tiles, grid, partial, epilogue);
  }
}

using RunMany = decltype(&run_many<Codes::kBits8>);
// By Codes, from kHalf on.
constexpr std::array<RunMany, 11> kRunMany = {
    run_many<Codes::kHalf>,   run_many<Codes::kBfloat16>, run_many<Codes::kBits8>,
    run_many<Codes::kBits6>,  run_many<Codes::kBits5>,    run_many<Codes::kBits4>,
    run_many<Codes::kTable4>, run_many<Codes::kBits3>,    run_many<Codes::kTable3>,
    run_many<Codes::kBits2>,  run_many<Codes::kBits1>};

}  // namespace

void multiply_tiled_rows(Stream& stream, const WeightsView& w, const HalfRows& x, std::int64_t rows,
                         const RowTiles& tiles, const TileGrid& grid, const Partial& partial,
                         const Epilogue& epilogue) {
  kRunMany[static_cast<std::size_t>(w.codes) - static_cast<std::size_t>(Codes::kHalf)](
      stream, w, x, rows, tiles, grid, partial, epilogue);
  add_parts_of(stream, w, rows, grid, partial, epilogue);
}

void add_parts_of(Stream& stream, const WeightsView& w, std::int64_t rows, const TileGrid& grid,
                  const Partial& partial, const Epilogue& epilogue) {
  if (!partial.sums) return;
  const dim3 blocks(static_cast<unsigned>((w.rows + 255) / 256), grid_rows(rows));
  stream.launch(add_parts, blocks, dim3(256), 0, partial.sums, rows, w.rows,
                static_cast<int>(grid.splits), epilogue);
}

void multiply_plain_rows(Stream& stream, const WeightsView& w, View in, std::int64_t rows,
                         const RowTiles& tiles, std::int64_t tile_count, const Epilogue& epilogue) {
  const dim3 blocks(static_cast<unsigned>((w.rows + kPlainTile - 1) / kPlainTile),
                    static_cast<unsigned>(tile_count));
  stream.launch(multiply_plain, blocks, dim3(256), 0, w, in.data, in.stride, rows, tiles, epilogue);
}

}  // namespace linnet::cuda
