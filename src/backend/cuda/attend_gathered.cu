// Attention of rows to keys of their own: picked ones, compressed ones.

#include <algorithm>
#include <array>

#include "backend/cuda/attend_in_tiles.hpp"
#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/attend_gathered.cuh"
#include "backend/cuda/kernels/list_picked_keys.cuh"

namespace linnet::cuda {
namespace {

// Heads of a row from which its keys are brought together for them.
constexpr int kWorthGathering = 16;
// Blocks of keys that a thread block takes at least.
constexpr std::int64_t kLeastBlocks = 2;

template <TileNumbers kNumbers, int kKeyWidth, int kValueWidth>
void run(Stream& stream, const AttendTask& task, std::int64_t tiles) {
  constexpr auto kKernel = attend_gathered<kNumbers, kKeyWidth, kValueWidth>;
  constexpr std::size_t kBytes = attend_latent_bytes(kNumbers, kKeyWidth);
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(task.splits));
  stream.allow_shared_bytes(kKernel, kBytes);
  stream.launch(kKernel, grid, dim3(kLatentWarps * kWarp), kBytes, task);
}

// The kernels of a width of keys, by TileNumbers.
struct GatheringKernels {
  int key_width, value_width;
  decltype(&run<TileNumbers::kHalves, 576, 512>) runs[2];
};

template <int kKeyWidth, int kValueWidth>
constexpr GatheringKernels gathering_kernels() {
  return {kKeyWidth,
          kValueWidth,
          {run<TileNumbers::kHalves, kKeyWidth, kValueWidth>,
           run<TileNumbers::kBfloats, kKeyWidth, kValueWidth>}};
}

// Of DeepSeek V3.2; of V4.
constexpr std::array kKernels = {gathering_kernels<576, 512>(), gathering_kernels<512, 512>()};

const GatheringKernels* find_kernels(const AttentionParams& params) {
  const auto found = std::ranges::find_if(kKernels, [&](const GatheringKernels& kernels) {
    return kernels.key_width == params.key_width && kernels.value_width == params.value_width;
  });
  return found == kKernels.end() ? nullptr : found;
}

// Scores are changed by nothing that depends on where a key stands.
bool scores_are_plain(const AttentionParams& params) {
  return params.causal && params.softcap <= 0.0f && !params.alibi_slopes &&
         !params.distance_bias.values;
}

std::int64_t tiles_of_a_row(const AttentionParams& params) {
  return (params.heads + kTileQueries - 1) / kTileQueries;
}

}  // namespace

// Whether rows see few of the keys of their sequence, and there is a kernel that takes those.
bool CudaBackend::gathers(const AttendTask& task) const {
  const AttentionParams& params = task.params;
  if (!is_sparse_ || !params.values_in_keys || params.kv_heads != 1) return false;
  if (task.kv.type == KvType::kF32 || params.heads < kWorthGathering) return false;
  if (!find_kernels(params) || !scores_are_plain(params)) return false;
  const bool has_window =
      params.window > 0 && params.span == AttentionSpan::kSliding && !has_latents(*stream_, task);
  const bool leaves_out = params.selected && params.window == 0 && params.compressed.stride == 0 &&
                          task.batch.table_pages * kPageTokens > most_selected_;
  constexpr std::size_t kPlaces = sizeof(std::int32_t) * 2 * kLatentKeys;
  if (params.selected && params.window > 0 && params.compressed.stride == 0) return false;
  return (has_window || leaves_out) &&
         attend_latent_bytes(tile_numbers(task.kv.type), params.key_width) + kPlaces <=
             stream_->most_shared_bytes();
}

// Lists what the rows picked; false after an error.
bool CudaBackend::list_picked(AttendTask& task, std::int64_t rows) {
  const std::int64_t most = most_selected_;
  auto* counts = picked_places_.take<std::int32_t>(*stream_, rows * (most + 1));
  if (!counts) return false;
  task.most_picked = most_selected_;
  task.picked_counts = counts;
  task.places = counts + rows;
  stream_->launch(list_picked_keys, dim3(static_cast<unsigned>(rows)), dim3(kListThreads), 0, task,
                  counts + rows, counts);
  return true;
}

// Each row for itself, its keys split where that leaves much of the device to wait.
void CudaBackend::attend_to_gathered(AttendTask& task, std::int64_t rows) {
  const AttentionParams& params = task.params;
  const GatheringKernels* kernels = find_kernels(params);
  if (!kernels) return;
  const std::int64_t tokens = task.batch.table_pages * kPageTokens;
  const bool is_compressed = params.compressed.stride > 0;
  task.behind = is_compressed ? task.compressed : task.kv;
  task.compressed_splits = 0;
  std::int64_t keys = std::min<std::int64_t>(params.window, tokens);
  if (is_compressed || params.selected) {
    const std::int64_t behind = tokens / task.behind.stride;
    const bool leaves_out = params.selected && behind > most_selected_;
    if (leaves_out && !list_picked(task, rows)) return;
    keys += leaves_out ? most_selected_ : behind;
  }
  const std::int64_t tiles = rows * tiles_of_a_row(params);
  const std::int64_t wanted = (stream_->multiprocessors() + tiles - 1) / tiles;
  const std::int64_t blocks = (keys + kLatentKeys - 1) / kLatentKeys;
  const std::int64_t each = std::max(kLeastBlocks, (blocks + wanted - 1) / wanted);
  task.splits = static_cast<int>(std::max<std::int64_t>(1, (blocks + each - 1) / each));
  if (!make_room_for_splits(task, rows)) return;
  kernels->runs[static_cast<int>(tile_numbers(task.kv.type))](*stream_, task, tiles);
  join_splits(task, rows);
}

}  // namespace linnet::cuda
