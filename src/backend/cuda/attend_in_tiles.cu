#include <algorithm>
#include <array>

#include "backend/cuda/attend_in_tiles.hpp"
#include "backend/cuda/kernels/attend_tiles.cuh"

namespace linnet::cuda {
namespace {

template <TileNumbers kNumbers, int kKeyWidth, int kValueWidth>
void run(Stream& stream, const AttendTask& task, const QueryTile* tiles, std::int64_t count) {
  constexpr auto kKernel = attend_tiles<kNumbers, kKeyWidth, kValueWidth>;
  constexpr std::size_t kBytes = attend_tile_bytes(kNumbers, kKeyWidth, kValueWidth);
  const dim3 grid(static_cast<unsigned>(count), static_cast<unsigned>(task.params.kv_heads));
  stream.allow_shared_bytes(kKernel, kBytes);
  stream.launch(kKernel, grid, dim3(kTileWarps * kWarp), kBytes, task, tiles);
}

// The kernels of a width of heads, by TileNumbers.
struct TileKernels {
  int key_width, value_width;
  decltype(&run<TileNumbers::kHalves, 64, 64>) runs[2];
};

template <int kKeyWidth, int kValueWidth>
constexpr TileKernels tile_kernels() {
  return {kKeyWidth,
          kValueWidth,
          {run<TileNumbers::kHalves, kKeyWidth, kValueWidth>,
           run<TileNumbers::kBfloats, kKeyWidth, kValueWidth>}};
}

constexpr std::array kTileKernels = {tile_kernels<64, 64>(),   tile_kernels<80, 80>(),
                                     tile_kernels<96, 96>(),   tile_kernels<128, 128>(),
                                     tile_kernels<192, 128>(), tile_kernels<256, 256>()};

const TileKernels* find_tiles(const AttendTask& task) {
  const auto found = std::ranges::find_if(kTileKernels, [&](const TileKernels& kernels) {
    return kernels.key_width == task.params.key_width &&
           kernels.value_width == task.params.value_width;
  });
  return found == kTileKernels.end() ? nullptr : found;
}

}  // namespace

bool has_tiles(const Stream& stream, const AttendTask& task) {
  if (task.kv.type == KvType::kF32 || !find_tiles(task)) return false;
  if (task.kv.value_width != task.params.value_width) return false;  // the values of wider keys
  return attend_tile_bytes(tile_numbers(task.kv.type), task.params.key_width,
                           task.params.value_width) <= stream.most_shared_bytes();
}

void attend_in_tiles(Stream& stream, const AttendTask& task, const QueryTile* tiles,
                     std::int64_t count) {
  const TileKernels* kernels = find_tiles(task);
  if (!kernels) return;
  kernels->runs[static_cast<int>(tile_numbers(task.kv.type))](stream, task, tiles, count);
}

}  // namespace linnet::cuda
