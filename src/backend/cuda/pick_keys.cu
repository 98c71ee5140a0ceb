// The keys that a lightning indexer picks for attention.

#include <algorithm>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/pick_keys.cuh"

namespace linnet::cuda {
namespace {

// Scores that are held at once, unless one row has more: 16 MiB.
constexpr std::int64_t kMostScores = std::int64_t{1} << 22;

// Keys of a thread that counts, unless there are many thread blocks.
constexpr std::int64_t kKeysOfAThread = 4;

// Thread blocks for each of `rows`, of which one can have `keys`: enough to fill the device.
unsigned parts_of_keys(const Stream& stream, const KeyPicks& picks, std::int64_t rows,
                       std::int64_t keys, std::int64_t blocks_a_multiprocessor) {
  const std::int64_t needed = (picks.row_scores + keys - 1) / keys;
  const std::int64_t wanted =
      (blocks_a_multiprocessor * stream.multiprocessors() + rows - 1) / rows;
  return grid_rows(std::clamp<std::int64_t>(needed, 1, wanted));
}

void score(Stream& stream, const KvView& kv, View queries, View weights, const KeyPicks& picks) {
  // By KvType.
  constexpr decltype(&score_index_keys<KvType::kF16>) kKernels[] = {
      score_index_keys<KvType::kF32>, score_index_keys<KvType::kF16>,
      score_index_keys<KvType::kBf16>, score_index_keys<KvType::kQ8_0>,
      score_index_keys<KvType::kF8>};
  const auto kernel = kKernels[static_cast<int>(kv.type)];
  const dim3 grid(static_cast<unsigned>(queries.rows),
                  parts_of_keys(stream, picks, queries.rows, kScoreThreads, 16));
  const std::size_t bytes = sizeof(float) * kScoreHeads * static_cast<std::size_t>(kv.key_width);
  stream.allow_shared_bytes(kernel, bytes);
  stream.launch(kernel, grid, dim3(kScoreThreads), bytes, kv, queries, weights, picks);
}

}  // namespace

void CudaBackend::select_keys(const KvStore& store, View queries, View weights,
                              const SelectParams& params, const BatchLayout& batch) {
  KeyPicks picks;
  picks.batch = device_batch(batch);
  picks.stride = params.stride;
  picks.most = most_selected_ = params.most;
  picks.picks_tokens = params.picks_tokens;
  const std::int64_t pages = picks.batch.table_pages;
  picks.row_scores = pages * kPageTokens / params.stride;
  picks.selected = selection_.take<std::uint32_t>(*stream_, queries.rows * pages);
  const bool chooses = (params.picks_tokens ? pages * kPageTokens : picks.row_scores) > params.most;
  std::int64_t at_once = queries.rows;
  if (chooses) {
    at_once = std::clamp<std::int64_t>(kMostScores / picks.row_scores, 1, queries.rows);
    picks.scores = index_scores_.take<float>(*stream_, at_once * picks.row_scores);
    picks.counts = rank_counts_.take<std::int32_t>(*stream_, at_once * kRankDigits * kDigitValues);
    picks.heaps = score_heaps_.take<RankedKey>(*stream_, at_once * params.most);
  }
  if (!stream_->status()) return;
  const KvView kv = static_cast<const DeviceKvStore&>(store).layer(params.layer);
  weights.columns = params.heads;
  for (std::int64_t first = 0; first < queries.rows; first += at_once) {
    const std::int64_t rows = std::min(at_once, queries.rows - first);
    const dim3 grid(static_cast<unsigned>(rows),
                    parts_of_keys(*stream_, picks, rows, kKeysOfAThread * kPickThreads, 4));
    if (chooses) {
      score(*stream_, kv, {queries.row(first), rows, queries.columns, queries.stride},
            {weights.row(first), rows, weights.columns, weights.stride}, picks);
      for (int digit = 0; digit < kRankDigits; ++digit) {
        stream_->launch(count_rank_digits, grid, dim3(kPickThreads), 0, picks, digit);
      }
    }
    stream_->launch(mark_picked_keys, grid, dim3(kPickThreads), 0, picks);
    picks.batch.positions += rows;
    picks.batch.sequences += rows;
    picks.selected += rows * pages;
  }
}

}  // namespace linnet::cuda
