#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <vector>

#include "backend/cpu/cpu_backend.hpp"
#include "backend/cpu/kv_store.hpp"
#include "backend/head_rotation.hpp"
#include "backend/kv_pages.hpp"
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
                                 RowRange rows) {
  const int group = params.heads / params.kv_heads;
  const int most = most_query_rows(PagedKvStore::padded(params.value_width));
  const int most_heads = std::min(group, most), most_rows = most / most_heads;
  std::vector<Tile> tiles;
  for (std::int64_t first = rows.first; first < rows.end;) {
    int count = 1;
    while (count < most_rows && first + count < rows.end &&
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

std::int32_t parts_of(std::int64_t keys) {
  return static_cast<std::int32_t>((keys + kPartKeys - 1) / kPartKeys);
}

// Keys that a softmax goes over: those of a layer, or compressed ones in their dense copy.
struct KeySet {
  const PagedKvStore& store;
  AttentionParams params;
  std::int32_t parts;                        // at most, of any row
  const KeySelection* selection;             // null: all that are visible
  std::span<const std::int32_t> pages = {};  // of compressed keys; else the batch's

  bool is_compressed() const { return !pages.empty(); }
};

// The attention of one batch, by tiles. The key sets come one after the other.
class AttentionRun {
 public:
  AttentionRun(const Kernels& kernels, View queries, std::span<const KeySet> sets,
               const BatchLayout& batch, View out)
      : kernels_(kernels),
        queries_(queries),
        sets_(sets),
        params_(sets[0].params),
        batch_(batch),
        out_(out),
        width_(PagedKvStore::padded(params_.value_width)),
        rotates_(sets[0].store.has_rotated_heads(params_.layer)) {}

  // All keys of a tile, part after part.
  void run(const Tile& tile) const {
    Rows rows{};
    Sums part, total;
    begin(tile, total.view());
    for (const KeySet& set : sets_) {
      const AttentionTask task = make_task(tile, set, rows);
      const KeyRange keys = seen_by(task);
      for (std::int32_t first = first_part(keys); first < keys.end; first += kPartKeys) {
        attend(set, task, keys, first, part.view());
        kernels_.merge_sums(part.view(), task.count, width_, total.view());
      }
    }
    write(tile, total.view());
  }

  // Of all sets.
  std::int32_t parts() const {
    return std::accumulate(sets_.begin(), sets_.end(), 0,
                           [](std::int32_t sum, const KeySet& set) { return sum + set.parts; });
  }

  // The floats that the sums of one part of a tile take, with a cache line between them and those
  // that another thread writes.
  std::int64_t part_floats(const Tile& tile) const {
    return std::int64_t{query_rows(tile)} * (2 + width_) + 16;
  }

  // One part of a tile, its sums to `memory`.
  void run_part(const Tile& tile, std::int32_t part, float* memory) const {
    Rows rows{};
    const KeySet* set = sets_.data();
    for (; part >= set->parts; ++set) part -= set->parts;
    const AttentionTask task = make_task(tile, *set, rows);
    attend(*set, task, seen_by(task), part * kPartKeys, sums_in(memory, task.count));
  }

  // The output of a tile from the sums of its parts, each `part_floats` after the one before.
  void merge_parts(const Tile& tile, float* memory, std::int64_t part_floats) const {
    const int rows = query_rows(tile);
    Sums total;
    begin(tile, total.view());
    for (std::int32_t part = 0; part < parts(); ++part) {
      kernels_.merge_sums(sums_in(memory + part * part_floats, rows), rows, width_, total.view());
    }
    write(tile, total.view());
  }

 private:
  using Rows = std::array<QueryRow, kMostQueryRows>;
  struct Sums {
    alignas(64) float values[kSumFloats];
    float largest[kMostQueryRows];
    float sum[kMostQueryRows];
    SoftmaxSums view() { return {largest, sum, values}; }
  };

  // [rows, value width], then the other two.
  SoftmaxSums sums_in(float* memory, int rows) const {
    float* const behind = memory + std::int64_t{rows} * width_;
    return {behind, behind + rows, memory};
  }

  static int query_rows(const Tile& tile) { return tile.rows * tile.head_count; }

  KeyRange keys_of(const KeySet& set, std::int32_t position, std::int32_t length) const {
    if (!set.is_compressed()) return visible_keys(set.params, position, length);
    return {0, compressed_keys(position, params_.compressed.stride)};
  }

  AttentionTask make_task(const Tile& tile, const KeySet& set, Rows& rows) const {
    const std::int32_t sequence = batch_.sequences[tile.first_row];
    int count = 0;
    for (std::int64_t r = tile.first_row; r < tile.first_row + tile.rows; ++r) {
      const std::int32_t position = batch_.positions[r];
      const KeyRange keys = keys_of(set, position, batch_.lengths[sequence]);
      for (int head = tile.first_head; head < tile.first_head + tile.head_count; ++head) {
        rows[count++] = {queries_.row(r) + head * params_.key_width,
                         head,
                         position,
                         keys.begin,
                         keys.end,
                         set.selection ? set.selection->words(r, tile.kv_head) : nullptr};
      }
    }
    const auto pages = set.is_compressed() ? set.pages : batch_.page_tables[sequence];
    return {rows.data(), count, tile.kv_head, pages};
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
  void attend(const KeySet& set, const AttentionTask& task, KeyRange keys, std::int32_t first,
              const SoftmaxSums& sums) const {
    const std::int32_t end = std::min(first + kPartKeys, keys.end);
    kernels_.attend(set.store, set.params, task, std::max(first, keys.begin), end, sums);
  }

  static std::int32_t first_part(KeyRange keys) { return keys.begin / kPartKeys * kPartKeys; }

  // A sink takes part in the softmax as a key without a value.
  void begin(const Tile& tile, const SoftmaxSums& sums) const {
    for (int r = 0; r < query_rows(tile); ++r) {
      const int head = tile.first_head + r % tile.head_count;
      const float* sink = params_.sinks ? params_.sinks + head : nullptr;
      sums.largest[r] = sink ? *sink : -std::numeric_limits<float>::infinity();
      sums.sum[r] = sink ? 1.0f : 0.0f;
      std::fill_n(sums.values + r * width_, width_, 0.0f);
    }
  }

  void write(const Tile& tile, const SoftmaxSums& sums) const {
    for (int r = 0; r < query_rows(tile); ++r) {
      const int head = tile.first_head + r % tile.head_count;
      float* out = out_.row(tile.first_row + r / tile.head_count) + head * params_.value_width;
      const float* values = sums.values + r * width_;
      for (int c = 0; c < params_.value_width; ++c) out[c] = values[c] / sums.sum[r];
      if (rotates_) rotate_head(out, params_.value_width);
    }
  }

  const Kernels& kernels_;
  const View queries_;
  const std::span<const KeySet> sets_;
  const AttentionParams& params_;
  const BatchLayout& batch_;
  const View out_;
  const int width_;
  const bool rotates_;
};

// Rows of one sequence after `first`, which is one.
std::int64_t end_of_sequence(const BatchLayout& batch, std::int64_t first) {
  const auto rows = std::ssize(batch.sequences);
  std::int64_t end = first + 1;
  while (end < rows && batch.sequences[end] == batch.sequences[first]) ++end;
  return end;
}

// The keys that the last one of these rows sees.
std::int32_t compressed_keys_of(const BatchLayout& batch, RowRange rows, int stride) {
  return compressed_keys(batch.positions[rows.end - 1], stride);
}

}  // namespace

// The heads of queries as the keys are rotated.
View CpuBackend::rotated(View queries, int heads, int width) {
  const auto floats = static_cast<std::size_t>(queries.rows * queries.columns);
  if (rotated_queries_.size() < floats) {
    rotated_queries_.clear();  // so that nothing is copied
    rotated_queries_.resize(floats);
  }
  const View to{rotated_queries_.data(), queries.rows, queries.columns, queries.columns};
  for_rows(queries.rows, queries.columns * 8, [&](std::int64_t r) {
    std::copy_n(queries.row(r), queries.columns, to.row(r));
    for (int h = 0; h < heads; ++h) rotate_head(to.row(r) + h * width, width);
  });
  return to;
}

// `body(rows, pages)` for the rows of each sequence, when its compressed keys are in their dense
// copy, whose pages these are.
template <class Body>
void CpuBackend::with_dense_keys(const PagedKvStore& store, int layer, const BatchLayout& batch,
                                 Body&& body) {
  const int stride = store.shape().layers[layer].stride;
  const auto count = std::ssize(batch.sequences);
  for (std::int64_t first = 0, end = 0; first < count; first = end) {
    end = end_of_sequence(batch, first);
    const RowRange rows{first, end};
    const std::int32_t keys = compressed_keys_of(batch, rows, stride);
    const std::int64_t pages = pages_for(keys);
    pool_.parallel_for(pages, [&](std::int64_t page) {
      const auto from = static_cast<std::int32_t>(page * kPageTokens);
      store.copy_to_dense(layer, batch.page_tables[batch.sequences[first]], from,
                          std::min(keys, from + kPageTokens));
    });
    body(rows, all_rows(std::max<std::int64_t>(pages, 1)));
  }
}

void CpuBackend::attention(const KvStore& store, View queries, const AttentionParams& params,
                           const BatchLayout& batch, View out) {
  const auto& paged = static_cast<const PagedKvStore&>(store);
  if (paged.has_rotated_heads(params.layer)) {
    queries = rotated(queries, params.heads, params.key_width);
  }
  const KeySet own{paged, params, parts_of(longest_pages(batch) * kPageTokens),
                   params.selected ? &selection_ : nullptr};
  const CompressedKeys& compressed = params.compressed;
  if (compressed.stride == 0) {
    const AttentionRun run(kernels_, queries, {&own, 1}, batch, out);
    return attend_tiles(run, cut_into_tiles(params, batch, {0, queries.rows}));
  }
  with_dense_keys(paged, compressed.layer, batch,
                  [&](RowRange rows, std::span<const std::int32_t> pages) {
                    KeySet sets[] = {own, {paged.dense(), params, 0, own.selection, pages}};
                    sets[0].selection = nullptr;
                    sets[1].params.layer = paged.dense_layer(compressed.layer);
                    sets[1].parts = parts_of(compressed_keys_of(batch, rows, compressed.stride));
                    const AttentionRun run(kernels_, queries, sets, batch, out);
                    attend_tiles(run, cut_into_tiles(params, batch, rows));
                  });
}

template <class Run, class Tiles>
void CpuBackend::attend_tiles(const Run& run, const Tiles& tiles) {
  const auto count = static_cast<std::int64_t>(tiles.size());
  const std::int64_t parts = run.parts();
  if (parts == 1 || count >= 2 * pool_.threads()) {
    // Rows with more keys come last in a prompt: begin with them, so that no thread ends on a long
    // one.
    pool_.parallel_for(count, [&](std::int64_t task) { run.run(tiles[count - 1 - task]); });
    return;
  }
  // Too few tiles for the threads, as when one token is generated: the parts run side by side.
  std::int64_t floats = 0;
  for (const auto& tile : tiles) floats = std::max(floats, run.part_floats(tile));
  attention_sums_.resize(
      std::max(attention_sums_.size(), static_cast<std::size_t>(count * parts * floats)));
  pool_.parallel_for(count * parts, [&](std::int64_t task) {
    run.run_part(tiles[task / parts], static_cast<std::int32_t>(task % parts),
                 attention_sums_.data() + task * floats);
  });
  pool_.parallel_for(count, [&](std::int64_t tile) {
    run.merge_parts(tiles[tile], attention_sums_.data() + tile * parts * floats, floats);
  });
}

void CpuBackend::select_keys(const KvStore& store, View queries, View weights,
                             const SelectParams& params, const BatchLayout& batch) {
  const auto& paged = static_cast<const PagedKvStore&>(store);
  const std::int64_t longest = longest_pages(batch);
  if (params.blocks.tokens > 0) {
    selection_.reset(queries.rows, longest, params.heads);
    return select_blocks(paged, queries, params, batch);
  }
  selection_.reset(queries.rows, longest);
  if (params.stride == 1) {
    return select_rows(paged, queries, weights, params, batch, {0, queries.rows}, {});
  }
  SelectParams dense = params;
  dense.layer = paged.dense_layer(params.layer);
  with_dense_keys(paged, params.layer, batch,
                  [&](RowRange rows, std::span<const std::int32_t> pages) {
                    select_rows(paged.dense(), queries, weights, dense, batch, rows, pages);
                  });
}

void CpuBackend::select_rows(const PagedKvStore& store, View queries, View weights,
                             const SelectParams& params, const BatchLayout& batch, RowRange rows,
                             std::span<const std::int32_t> pages) {
  AttentionParams attention;
  attention.layer = params.layer;
  attention.key_width = params.width;
  pool_.parallel_for(rows.end - rows.first, [&](std::int64_t task) {
    const std::int64_t r = rows.end - 1 - task;
    const auto count = static_cast<std::size_t>(compressed_keys(batch.positions[r], params.stride));
    std::vector<float> scores(count, 0.0f);
    float page_scores[kPageTokens];
    for (int h = 0; h < params.heads; ++h) {
      const QueryRow row{queries.row(r) + h * params.width, h, 0, 0, 0, nullptr};
      const AttentionTask head{&row, 1, 0,
                               pages.empty() ? batch.page_tables[batch.sequences[r]] : pages};
      for (std::size_t k = 0; k < scores.size(); ++k) {
        if (k % kPageTokens == 0) {
          kernels_.score_page(store, attention, head, static_cast<std::int32_t>(k / kPageTokens),
                              page_scores);
        }
        scores[k] += std::max(page_scores[k % kPageTokens], 0.0f) * weights.row(r)[h];
      }
    }
    if (params.picks_tokens) scores = token_scores(scores, params.stride, batch.positions[r] + 1);
    pick_keys(scores, params.most, selection_.words(r, 0));
  });
}

void CpuBackend::select_blocks(const PagedKvStore& store, View queries, const SelectParams& params,
                               const BatchLayout& batch) {
  AttentionParams attention;
  attention.layer = params.layer;
  attention.key_width = params.width;
  pool_.parallel_for(queries.rows * params.heads, [&](std::int64_t task) {
    const std::int64_t r = queries.rows - 1 - task / params.heads;
    const auto h = static_cast<int>(task % params.heads);
    const QueryRow row{queries.row(r) + h * params.width, h, 0, 0, 0, nullptr};
    const AttentionTask head{&row, 1, 0, batch.page_tables[batch.sequences[r]]};
    const std::int32_t tokens = batch.positions[r] + 1;
    const auto pages = static_cast<std::int32_t>(pages_for(tokens));
    std::vector<float> scores(static_cast<std::size_t>(pages) * kPageTokens);
    const bool chooses = (tokens - 1) / params.blocks.tokens + 1 > params.most;
    for (std::int32_t page = 0; chooses && page < pages; ++page) {
      kernels_.score_page(store, attention, head, page, scores.data() + page * kPageTokens);
    }
    pick_token_blocks(std::span(scores).first(tokens), params, selection_.words(r, h));
  });
}

}  // namespace linnet::cpu
