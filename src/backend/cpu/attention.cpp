#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "backend/cpu/cpu_backend.hpp"
#include "backend/cpu/kv_store.hpp"
#include "backend/visible_keys.hpp"

namespace linnet::cpu {
namespace {

// Floats of the weighted sums that a task keeps in the cache.
constexpr int kSumFloats = 64 * 128;

// Neighbouring rows of one sequence, of which one task computes `head_count` heads that share a KV
// head.
struct Tile {
  std::int64_t first_row;
  int rows;
  int kv_head;
  int first_head, head_count;
};

int most_query_rows(int width) { return std::clamp(kSumFloats / width / 8 * 8, 8, kMostQueryRows); }

std::vector<Tile> cut_into_tiles(const AttentionParams& params, const BatchLayout& batch,
                                 std::int64_t rows) {
  const int group = params.heads / params.kv_heads;
  const int most = most_query_rows(PagedKvStore::padded(params.value_width));
  const int most_heads = std::min(group, most), most_rows = most / most_heads;
  std::vector<Tile> tiles;
  for (std::int64_t first = 0; first < rows;) {
    int count = 1;
    while (count < most_rows && first + count < rows &&
           batch.sequences[first + count] == batch.sequences[first]) {
      ++count;
    }
    for (int kv_head = 0; kv_head < params.kv_heads; ++kv_head) {
      for (int head = 0; head < group; head += most_heads) {
        tiles.push_back(
            {first, count, kv_head, kv_head * group + head, std::min(most_heads, group - head)});
      }
    }
    first += count;
  }
  return tiles;
}

// The attention of one batch, by tiles.
class AttentionRun {
 public:
  AttentionRun(const Kernels& kernels, const PagedKvStore& store, View queries,
               const AttentionParams& params, const BatchLayout& batch,
               const KeySelection* selection, View out)
      : kernels_(kernels),
        store_(store),
        queries_(queries),
        params_(params),
        batch_(batch),
        selection_(selection),
        out_(out),
        width_(PagedKvStore::padded(params.value_width)) {}

  // All keys of a tile, part after part.
  void run(const Tile& tile) const {
    Rows rows{};
    const AttentionTask task = make_task(tile, rows);
    Sums part, total;
    begin(task, total.view());
    const KeyRange keys = seen_by(task);
    for (std::int32_t first = first_part(keys); first < keys.end; first += kPartKeys) {
      attend(task, keys, first, part.view());
      kernels_.merge_sums(part.view(), task.count, width_, total.view());
    }
    write(tile, task, total.view());
  }

  // The floats that the sums of one part take.
  std::int64_t part_floats() const { return std::int64_t{kMostQueryRows} * 2 + kSumFloats; }

  // One part of a tile, its sums to `memory`.
  void run_part(const Tile& tile, std::int32_t part, float* memory) const {
    Rows rows{};
    const AttentionTask task = make_task(tile, rows);
    attend(task, seen_by(task), part * kPartKeys, sums_in(memory));
  }

  // The output of a tile from the sums of its parts.
  void merge_parts(const Tile& tile, std::int32_t parts, float* memory) const {
    Rows rows{};
    const AttentionTask task = make_task(tile, rows);
    Sums total;
    begin(task, total.view());
    for (std::int32_t part = 0; part < parts; ++part) {
      kernels_.merge_sums(sums_in(memory + part * part_floats()), task.count, width_, total.view());
    }
    write(tile, task, total.view());
  }

 private:
  using Rows = std::array<QueryRow, kMostQueryRows>;
  struct Sums {
    alignas(64) float values[kSumFloats];
    float largest[kMostQueryRows];
    float sum[kMostQueryRows];
    SoftmaxSums view() { return {largest, sum, values}; }
  };

  static SoftmaxSums sums_in(float* memory) {
    return {memory, memory + kMostQueryRows, memory + 2 * kMostQueryRows};
  }

  AttentionTask make_task(const Tile& tile, Rows& rows) const {
    const std::int32_t sequence = batch_.sequences[tile.first_row];
    int count = 0;
    for (std::int64_t r = tile.first_row; r < tile.first_row + tile.rows; ++r) {
      const std::int32_t position = batch_.positions[r];
      const KeyRange keys = visible_keys(params_, position, batch_.lengths[sequence]);
      for (int head = tile.first_head; head < tile.first_head + tile.head_count; ++head) {
        rows[count++] = {
            queries_.row(r) + head * params_.key_width, head, position, keys.begin, keys.end,
            selection_ ? selection_->words(r) : nullptr};
      }
    }
    return {rows.data(), count, tile.kv_head, batch_.page_tables[sequence]};
  }

  static KeyRange seen_by(const AttentionTask& task) {
    KeyRange range{task.rows[0].begin, task.rows[0].end};
    for (int r = 1; r < task.count; ++r) {
      range.begin = std::min(range.begin, task.rows[r].begin);
      range.end = std::max(range.end, task.rows[r].end);
    }
    return range;
  }

  // The keys of the part that begins at `first`.
  void attend(const AttentionTask& task, KeyRange keys, std::int32_t first,
              const SoftmaxSums& sums) const {
    const std::int32_t end = std::min(first + kPartKeys, keys.end);
    kernels_.attend(store_, params_, task, std::max(first, keys.begin), end, sums);
  }

  static std::int32_t first_part(KeyRange keys) { return keys.begin / kPartKeys * kPartKeys; }

  // A sink takes part in the softmax as a key without a value.
  void begin(const AttentionTask& task, const SoftmaxSums& sums) const {
    for (int r = 0; r < task.count; ++r) {
      const float* sink = params_.sinks ? params_.sinks + task.rows[r].head : nullptr;
      sums.largest[r] = sink ? *sink : -std::numeric_limits<float>::infinity();
      sums.sum[r] = sink ? 1.0f : 0.0f;
      std::fill_n(sums.values + r * width_, width_, 0.0f);
    }
  }

  void write(const Tile& tile, const AttentionTask& task, const SoftmaxSums& sums) const {
    for (int r = 0; r < task.count; ++r) {
      float* out =
          out_.row(tile.first_row + r / tile.head_count) + task.rows[r].head * params_.value_width;
      const float* values = sums.values + r * width_;
      for (int c = 0; c < params_.value_width; ++c) out[c] = values[c] / sums.sum[r];
    }
  }

  const Kernels& kernels_;
  const PagedKvStore& store_;
  const View queries_;
  const AttentionParams& params_;
  const BatchLayout& batch_;
  const KeySelection* selection_;
  const View out_;
  const int width_;
};

}  // namespace

void CpuBackend::attention(const KvStore& store, View queries, const AttentionParams& params,
                           const BatchLayout& batch, View out) {
  const AttentionRun run(kernels_, static_cast<const PagedKvStore&>(store), queries, params, batch,
                         params.selected ? &selection_ : nullptr, out);
  const std::vector<Tile> tiles = cut_into_tiles(params, batch, queries.rows);
  const auto count = static_cast<std::int64_t>(tiles.size());
  const std::int64_t parts = (longest_pages(batch) * kPageTokens + kPartKeys - 1) / kPartKeys;
  if (parts == 1 || count >= 2 * pool_.threads()) {
    // Rows with more keys come last in a prompt: begin with them, so that no thread ends on a long
    // one.
    pool_.parallel_for(count, [&](std::int64_t task) { run.run(tiles[count - 1 - task]); });
    return;
  }
  // Too few tiles for the threads, as when one token is generated: the parts run side by side.
  const std::int64_t floats = run.part_floats();
  attention_sums_.resize(
      std::max(attention_sums_.size(), static_cast<std::size_t>(count * parts * floats)));
  pool_.parallel_for(count * parts, [&](std::int64_t task) {
    run.run_part(tiles[task / parts], static_cast<std::int32_t>(task % parts),
                 attention_sums_.data() + task * floats);
  });
  pool_.parallel_for(count, [&](std::int64_t tile) {
    run.merge_parts(tiles[tile], static_cast<std::int32_t>(parts),
                    attention_sums_.data() + tile * parts * floats);
  });
}

void CpuBackend::select_keys(const KvStore& store, View queries, View weights,
                             const SelectParams& params, const BatchLayout& batch) {
  const auto& paged = static_cast<const PagedKvStore&>(store);
  selection_.reset(queries.rows, longest_pages(batch));
  AttentionParams attention;
  attention.layer = params.layer;
  attention.key_width = params.width;
  pool_.parallel_for(queries.rows, [&](std::int64_t task) {
    const std::int64_t r = queries.rows - 1 - task;
    std::vector<float> scores(static_cast<std::size_t>(batch.positions[r]) + 1, 0.0f);
    float page_scores[kPageTokens];
    for (int h = 0; h < params.heads; ++h) {
      const QueryRow row{queries.row(r) + h * params.width, h, 0, 0, 0, nullptr};
      const AttentionTask head{&row, 1, 0, batch.page_tables[batch.sequences[r]]};
      for (std::size_t k = 0; k < scores.size(); ++k) {
        if (k % kPageTokens == 0) {
          kernels_.score_page(paged, attention, head, static_cast<std::int32_t>(k / kPageTokens),
                              page_scores);
        }
        scores[k] += std::max(page_scores[k % kPageTokens], 0.0f) * weights.row(r)[h];
      }
    }
    pick_keys(scores, params.most, selection_.words(r));
  });
}

}  // namespace linnet::cpu
