// The keys that a lightning indexer picks for attention.

#include <algorithm>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/score_index_tiles.cuh"
#include "backend/cuda/kernels/score_token_blocks.cuh"

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

// Key by key.
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

void score_blocks(Stream& stream, const KvView& kv, View queries, const KeyPicks& picks) {
  // By KvType.
  constexpr decltype(&score_token_blocks<KvType::kF16>) kKernels[] = {
      score_token_blocks<KvType::kF32>, score_token_blocks<KvType::kF16>,
      score_token_blocks<KvType::kBf16>, score_token_blocks<KvType::kQ8_0>,
      score_token_blocks<KvType::kF8>};
  const auto kernel = kKernels[static_cast<int>(kv.type)];
  const dim3 grid(static_cast<unsigned>(queries.rows),
                  parts_of_keys(stream, picks, queries.rows, kScoreWarps, 16));
  const std::size_t bytes = sizeof(float) * kScoreHeads * static_cast<std::size_t>(kv.key_width);
  stream.allow_shared_bytes(kernel, bytes);
  stream.launch(kernel, grid, dim3(kScoreThreads), bytes, kv, queries, picks);
}

// Of rows whose pages of tokens are `pages`.
KeyPicks make_picks(const SelectParams& params, std::int64_t pages) {
  KeyPicks picks;
  picks.stride = params.stride;
  picks.most = params.most;
  picks.picks_tokens = params.picks_tokens;
  picks.row_scores = pages * kPageTokens / params.stride;
  if (params.blocks.tokens > 0) {
    picks.heads = params.heads;
    picks.block = params.blocks.tokens;
    picks.recent = params.blocks.recent;
    picks.row_scores = (pages * kPageTokens - 1) / picks.block + 1;
  }
  return picks;
}

template <TileNumbers kNumbers>
void score_in_tiles(Stream& stream, const KvView& kv, View queries, View weights,
                    const KeyPicks& picks, const IndexQueries& prepared) {
  const std::int64_t rows = queries.rows, groups = (rows + kIndexRows - 1) / kIndexRows;
  const int heads_parts = (prepared.heads + kIndexWarps - 1) / kIndexWarps;
  stream.launch(prepare_index_queries<kNumbers>,
                dim3(static_cast<unsigned>(rows), static_cast<unsigned>(heads_parts)),
                dim3(kIndexThreads), 0, queries, weights, picks, prepared);
  constexpr auto kKernel = score_index_tiles<kNumbers>;
  const std::size_t bytes = index_tile_bytes(kNumbers, prepared.heads);
  const dim3 grid(static_cast<unsigned>(groups),
                  parts_of_keys(stream, picks, groups, kIndexTileKeys, 4));
  stream.allow_shared_bytes(kKernel, bytes);
  stream.launch(kKernel, grid, dim3(kIndexThreads), bytes, kv, prepared, picks, rows);
}

// Whether tensor cores can score the keys.
bool has_index_tiles(const Stream& stream, const KvView& kv, int heads) {
  return kv.type != KvType::kF32 && kv.key_width == kIndexWidth && heads % kIndexHeads == 0 &&
         index_tile_bytes(tile_numbers(kv.type), heads) <= stream.most_shared_bytes();
}

}  // namespace

// Scores the keys of rows that choose: in tiles where `prepared` has room for their queries.
void CudaBackend::score_keys(const KvView& kv, View queries, View weights, const KeyPicks& picks,
                             const IndexQueries& prepared) {
  if (!prepared.values) return score(*stream_, kv, queries, weights, picks);
  if (tile_numbers(kv.type) == TileNumbers::kHalves) {
    score_in_tiles<TileNumbers::kHalves>(*stream_, kv, queries, weights, picks, prepared);
  } else {
    score_in_tiles<TileNumbers::kBfloats>(*stream_, kv, queries, weights, picks, prepared);
  }
}

// Room for the queries of `rows` in the form of tensor cores; none where they aren't used.
IndexQueries CudaBackend::room_for_index_queries(const KvView& kv, std::int64_t rows, int heads) {
  IndexQueries room;
  if (!is_sparse_ || !has_index_tiles(*stream_, kv, heads)) return room;
  const std::int64_t lines = rows * factor_parts(tile_numbers(kv.type)) * heads;
  room.values = index_queries_.take<std::uint16_t>(*stream_, lines * kIndexWidth);
  room.weights = index_weights_.take<float>(*stream_, rows * heads);
  room.heads = heads;
  return room;
}

void CudaBackend::select_keys(const KvStore& store, View queries, View weights,
                              const SelectParams& params, const BatchLayout& batch) {
  const DeviceBatch layout = device_batch(batch);
  const std::int64_t pages = layout.table_pages;
  KeyPicks picks = make_picks(params, pages);
  picks.batch = layout;
  most_selected_ = params.most;
  const std::int64_t heads = selecting_heads_ = picks.heads;
  picks.selected = selection_.take<std::uint32_t>(*stream_, queries.rows * heads * pages);
  const bool chooses = (params.picks_tokens ? pages * kPageTokens : picks.row_scores) > params.most;
  selection_leaves_out_ = chooses;
  std::int64_t at_once = queries.rows;
  if (chooses) {
    at_once = std::clamp<std::int64_t>(kMostScores / (heads * picks.row_scores), 1, queries.rows);
    const std::int64_t rows = at_once * heads;
    picks.scores = index_scores_.take<float>(*stream_, rows * picks.row_scores);
    picks.counts = rank_counts_.take<std::int32_t>(*stream_, rows * kRankDigits * kDigitValues);
    picks.heaps = score_heaps_.take<RankedKey>(*stream_, rows * params.most);
  }
  const KvView kv = static_cast<const DeviceKvStore&>(store).layer(params.layer);
  IndexQueries prepared;
  if (chooses && picks.block == 0) {
    prepared = room_for_index_queries(kv, at_once, params.heads);
  }
  if (!stream_->status()) return;
  weights.columns = params.heads;
  for (std::int64_t first = 0; first < queries.rows; first += at_once) {
    const std::int64_t rows = std::min(at_once, queries.rows - first);
    const dim3 grid(static_cast<unsigned>(rows * heads),
                    parts_of_keys(*stream_, picks, rows * heads, kKeysOfAThread * kPickThreads, 4));
    if (chooses) {
      const View part{queries.row(first), rows, queries.columns, queries.stride};
      if (picks.block > 0) {
        score_blocks(*stream_, kv, part, picks);
      } else {
        score_keys(kv, part, {weights.row(first), rows, weights.columns, weights.stride}, picks,
                   prepared);
      }
      for (int digit = 0; digit < kRankDigits; ++digit) {
        stream_->launch(count_rank_digits, grid, dim3(kPickThreads), 0, picks, digit);
      }
    }
    stream_->launch(mark_picked_keys, grid, dim3(kPickThreads), 0, picks);
    picks.batch.positions += rows;
    picks.batch.sequences += rows;
    picks.selected += rows * heads * pages;
  }
}

}  // namespace linnet::cuda
