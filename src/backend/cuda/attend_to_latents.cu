#include <algorithm>
#include <array>

#include "backend/cuda/attend_in_tiles.hpp"
#include "backend/cuda/kernels/attend_latents.cuh"

namespace linnet::cuda {
namespace {

template <TileNumbers kNumbers, int kKeyWidth, int kValueWidth>
void run(Stream& stream, const AttendTask& task, const QueryTile* tiles, std::int64_t count) {
  constexpr auto kKernel = attend_latents<kNumbers, kKeyWidth, kValueWidth>;
  constexpr std::size_t kBytes = attend_latent_bytes(kNumbers, kKeyWidth);
  const dim3 grid(static_cast<unsigned>(count), static_cast<unsigned>(task.splits));
  stream.allow_shared_bytes(kKernel, kBytes);
  stream.launch(kKernel, grid, dim3(kLatentWarps * kWarp), kBytes, task, tiles);
}

// The kernels of a width of latents: for types that binary16 holds, and for BF16.
struct LatentKernels {
  int key_width, value_width;
  decltype(&run<TileNumbers::kHalves, 576, 512>) halves, bfloats;
};

template <int kKeyWidth, int kValueWidth>
constexpr LatentKernels latent_kernels() {
  return {kKeyWidth, kValueWidth, run<TileNumbers::kHalves, kKeyWidth, kValueWidth>,
          run<TileNumbers::kBfloats, kKeyWidth, kValueWidth>};
}

// Of DeepSeek V2 and V3, Kimi and GLM; of MiniCPM 3.
constexpr std::array kLatentKernels = {latent_kernels<576, 512>(), latent_kernels<288, 256>()};

const LatentKernels* find_latents(const AttendTask& task) {
  const auto found = std::ranges::find_if(kLatentKernels, [&](const LatentKernels& kernels) {
    return kernels.key_width == task.params.key_width &&
           kernels.value_width == task.params.value_width;
  });
  return found == kLatentKernels.end() ? nullptr : found;
}

}  // namespace

bool has_latents(const Stream& stream, const AttendTask& task) {
  const AttentionParams& params = task.params;
  if (!params.values_in_keys || params.kv_heads != 1 || params.compressed.stride > 0) return false;
  if (task.kv.type == KvType::kF32 || !find_latents(task)) return false;
  return attend_latent_bytes(tile_numbers(task.kv.type), params.key_width) <=
         stream.most_shared_bytes();
}

void attend_to_latents(Stream& stream, const AttendTask& task, const QueryTile* tiles,
                       std::int64_t count) {
  const LatentKernels* kernels = find_latents(task);
  if (!kernels) return;
  (task.kv.type == KvType::kBf16 ? kernels->bfloats : kernels->halves)(stream, task, tiles, count);
}

}  // namespace linnet::cuda
