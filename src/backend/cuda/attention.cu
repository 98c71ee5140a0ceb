// Attention to keys and values.

#include <algorithm>
#include <bit>

#include "backend/cuda/attend_in_tiles.hpp"
#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/attend_compressed.cuh"
#include "backend/cuda/kernels/attend_rows.cuh"
#include "backend/visible_keys.hpp"

namespace linnet::cuda {
namespace {

// Pages that a thread block has at least where the keys of a row are split.
constexpr std::int64_t kLeastPages = kAttendWarps;

// Rounded up by an eighth at most: the arguments of kernels, and so the graphs of steps, should not
// change with every page that a sequence begins.
std::int64_t round_pages(std::int64_t pages) {
  const auto floor = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(pages)));
  const std::int64_t step = std::max(2 * kLeastPages, floor / 8);
  return (pages + step - 1) / step * step;
}

// Where results must not depend on the other rows: the parts that the keys of every row are cut
// into, and the rows that are computed at once, so that the parts of their sums stay small.
constexpr int kAlikeSplits = 32;
constexpr std::int64_t kAlikeAttentionRows = 64;

using AttendKernel = void (*)(AttendTask);

// Launches attend_rows or attend_compressed, in which thread blocks take `heads` heads.
void launch(Stream& stream, AttendKernel kernel, int heads, const AttendTask& task,
            std::int64_t rows, int splits) {
  const AttentionParams& params = task.params;
  const std::size_t bytes =
      sizeof(float) * attend_memory_floats(heads, params.key_width, params.value_width);
  const dim3 grid(static_cast<unsigned>(rows), static_cast<unsigned>(params.kv_heads * task.chunks),
                  static_cast<unsigned>(splits));
  stream.allow_shared_bytes(kernel, bytes);
  stream.launch(kernel, grid, dim3(kAttendWarps * kWarp), bytes, task);
}

template <int kHeads, int kColumns>
void run(Stream& stream, const AttendTask& task, std::int64_t rows) {
  constexpr AttendKernel kByKvType[] = {
      attend_rows<KvType::kF32, kHeads, kColumns>, attend_rows<KvType::kF16, kHeads, kColumns>,
      attend_rows<KvType::kBf16, kHeads, kColumns>, attend_rows<KvType::kQ8_0, kHeads, kColumns>,
      attend_rows<KvType::kF8, kHeads, kColumns>};
  launch(stream, kByKvType[static_cast<int>(task.kv.type)], kHeads, task, rows, task.splits);
}

// The kernel for heads of some width: query heads that share a read of keys, columns a lane sums.
struct Variant {
  int heads, columns;
  void (*run)(Stream&, const AttendTask&, std::int64_t);
};
constexpr Variant kVariants[] = {
    {1, 4, run<1, 4>}, {4, 4, run<4, 4>}, {8, 4, run<8, 4>}, {4, 8, run<4, 8>}, {2, 16, run<2, 16>},
};

// The one that fits with the most heads, but no more than there are.
const Variant& choose_variant(int group, int value_width) {
  const Variant* best = nullptr;
  for (const Variant& variant : kVariants) {
    if (variant.columns * kWarp < value_width) continue;
    const auto wasted = [&](const Variant& v) {
      return (group + v.heads - 1) / v.heads * (v.heads + 2);
    };
    if (!best || variant.columns < best->columns ||
        (variant.columns == best->columns && wasted(variant) < wasted(*best))) {
      best = &variant;
    }
  }
  return *best;
}

template <int kHeads, int kColumns>
void run_compressed(Stream& stream, AttendTask task, std::int64_t rows) {
  constexpr AttendKernel kByKvType[] = {attend_compressed<KvType::kF32, kHeads, kColumns>,
                                        attend_compressed<KvType::kF16, kHeads, kColumns>,
                                        attend_compressed<KvType::kBf16, kHeads, kColumns>,
                                        attend_compressed<KvType::kQ8_0, kHeads, kColumns>,
                                        attend_compressed<KvType::kF8, kHeads, kColumns>};
  task.chunks = (task.params.heads / task.params.kv_heads + kHeads - 1) / kHeads;
  launch(stream, kByKvType[static_cast<int>(task.kv.type)], kHeads, task, rows,
         task.compressed_splits);
}

// Heads as wide as DeepSeek V4's, and narrow ones.
void attend_to_compressed(Stream& stream, const AttendTask& task, std::int64_t rows) {
  if (task.compressed_splits == 0) return;
  const bool is_narrow = task.params.value_width <= 4 * kWarp;
  (is_narrow ? run_compressed<4, 4> : run_compressed<2, 16>)(stream, task, rows);
}

// Queries that a tile should have in the mean; with fewer, rows are better taken one by one, their
// keys shared between thread blocks.
constexpr std::int64_t kWorthATile = 16;
// Pages of keys from which there should be tiles for half of the device.
constexpr std::int64_t kManyPages = 64;
// Pages of keys that a tile of latents takes at least.
constexpr std::int64_t kLeastLatentPages = 2;

}  // namespace

// Makes the list of the batch's rows in tiles; gives their number.
std::int64_t CudaBackend::list_tiles(const AttentionParams& params, const BatchLayout& batch) {
  tile_list_.clear();
  const std::int32_t group = params.heads / params.kv_heads;
  const auto rows = static_cast<std::int32_t>(batch.sequences.size());
  for (std::int32_t first = 0, last = 0; first < rows; first = last) {
    while (last < rows && batch.sequences[last] == batch.sequences[first]) ++last;
    for (std::int32_t query = 0; query < (last - first) * group; query += kTileQueries) {
      tile_list_.insert(tile_list_.end(), {first, last - first, query});
    }
  }
  return std::ssize(tile_list_) / 3;
}

// The tiles on the device; null after an error.
const QueryTile* CudaBackend::device_tiles() {
  static_assert(sizeof(QueryTile) == 3 * sizeof(std::int32_t));
  return reinterpret_cast<const QueryTile*>(
      tiles_mirror_.of(*stream_, std::span<const std::int32_t>(tile_list_)));
}

// The number of tiles where they are worth it: long runs of one sequence.
std::int64_t CudaBackend::worthy_tiles(const AttendTask& task, const BatchLayout& batch) {
  const AttentionParams& params = task.params;
  if (params.selected || params.compressed.stride > 0 || !has_tiles(*stream_, task)) return 0;
  const std::int64_t tiles = list_tiles(params, batch);
  if (std::ssize(batch.sequences) * (params.heads / params.kv_heads) < tiles * kWorthATile) {
    return 0;
  }
  // A tile walks through all keys: few of them leave most of the device to wait where there are
  // many.
  const bool few_blocks = tiles * params.kv_heads < stream_->multiprocessors() / 2;
  return few_blocks && task.batch.table_pages > kManyPages ? 0 : tiles;
}

// Every layer of a step asks for the same tables, which are long where sequences are many and one
// of them is: they are made anew only where some page differs. What lies behind the pages of a
// sequence is not read.
void CudaBackend::flatten_tables(const BatchLayout& batch, std::size_t width) {
  const auto& tables = batch.page_tables;
  const auto pages_of = [&](std::size_t s) {
    return tables[s].first(std::min(tables[s].size(), width));
  };
  const auto is_known = [&](std::size_t s) {
    return std::ranges::equal(pages_of(s),
                              std::span(flat_tables_).subspan(s * width).first(pages_of(s).size()));
  };
  bool same = flat_tables_.size() == tables.size() * width && table_width_ == width;
  for (std::size_t s = 0; same && s < tables.size(); ++s) same = is_known(s);
  if (same) return;
  device_tables_ = nullptr;
  table_width_ = width;
  flat_tables_.assign(tables.size() * width, 0);
  for (std::size_t s = 0; s < tables.size(); ++s) {
    std::ranges::copy(pages_of(s), flat_tables_.begin() + static_cast<std::ptrdiff_t>(s * width));
  }
}

DeviceBatch CudaBackend::device_batch(const BatchLayout& batch) {
  DeviceBatch device;
  device.table_pages = round_pages(longest_pages(batch));
  flatten_tables(batch, static_cast<std::size_t>(device.table_pages));
  device.positions = positions_.of(*stream_, batch.positions);
  device.sequences = sequences_.of(*stream_, batch.sequences);
  if (!device_tables_) {
    device_tables_ = tables_.of(*stream_, std::span<const std::int32_t>(flat_tables_));
  }
  device.tables = device_tables_;
  device.lengths = lengths_.of(*stream_, batch.lengths);
  return device;
}

void CudaBackend::attend_by_rows(AttendTask& task, std::int64_t rows, std::int64_t longest_pages) {
  const AttentionParams& params = task.params;
  const int group = params.heads / params.kv_heads;
  const Variant& variant = choose_variant(group, params.value_width);
  task.chunks = (group + variant.heads - 1) / variant.heads;
  const std::int64_t blocks = rows * params.kv_heads * task.chunks;
  const std::int64_t wanted = (4 * stream_->multiprocessors() + blocks - 1) / blocks;
  const std::int64_t pages =
      std::max(kLeastPages, (longest_pages + wanted - 1) / std::max<std::int64_t>(wanted, 1));
  task.pages_a_split = static_cast<int>(pages);
  task.splits = static_cast<int>((longest_pages + pages - 1) / pages);
  attend_in_splits(task, rows);
}

// The keys of every row are cut by their own number.
void CudaBackend::attend_alike(const AttendTask& all, std::int64_t rows) {
  for (std::int64_t first = 0; first < rows; first += kAlikeAttentionRows) {
    AttendTask task = all;
    const AttentionParams& params = task.params;
    const int group = params.heads / params.kv_heads;
    const int heads = choose_variant(group, params.value_width).heads;
    task.chunks = (group + heads - 1) / heads;
    task.pages_a_split = 0;
    task.splits = kAlikeSplits;
    task.queries += first * task.query_stride;
    task.out += first * task.out_stride;
    task.batch.positions += first;
    task.batch.sequences += first;
    if (task.selected) task.selected += first * task.selected_words();
    attend_in_splits(task, std::min(kAlikeAttentionRows, rows - first));
  }
}

void CudaBackend::attend_in_splits(AttendTask& task, std::int64_t rows) {
  const AttentionParams& params = task.params;
  if (!make_room_for_splits(task, rows)) return;
  choose_variant(params.heads / params.kv_heads, params.value_width).run(*stream_, task, rows);
  attend_to_compressed(*stream_, task, rows);
  join_splits(task, rows);
}

// As many as all rows can have, and fill the device.
int CudaBackend::compressed_splits(const AttendTask& task, std::int64_t rows) const {
  const AttentionParams& params = task.params;
  if (params.compressed.stride == 0) return 0;
  if (is_deterministic_) return kAlikeSplits;
  const std::int64_t pieces = task.batch.table_pages / params.compressed.stride + 1;
  const std::int64_t wanted = stream_->multiprocessors() / rows + 1;
  return static_cast<int>(std::clamp<std::int64_t>(pieces / kAttendWarps, 1, wanted));
}

// All queries in tiles, whose keys are split where that leaves much of the device to wait.
void CudaBackend::attend_to_latents(AttendTask& task, const BatchLayout& batch) {
  const std::int64_t tiles = list_tiles(task.params, batch), pages = task.batch.table_pages;
  const std::int64_t wanted = (stream_->multiprocessors() + tiles - 1) / tiles;
  const std::int64_t each = std::max(kLeastLatentPages, (pages + wanted - 1) / wanted);
  task.splits = static_cast<int>((pages + each - 1) / each);
  const auto rows = std::ssize(batch.sequences);
  const QueryTile* list = device_tiles();
  if (!list || !make_room_for_splits(task, rows)) return;
  cuda::attend_to_latents(*stream_, task, list, tiles);
  join_splits(task, rows);
}

bool CudaBackend::make_room_for_splits(AttendTask& task, std::int64_t rows) {
  if (task.parts() == 1) return true;
  const std::int64_t parts = rows * task.params.heads * task.parts();
  task.part_sums = attention_sums_.take<float>(*stream_, parts * task.params.value_width);
  task.part_totals = attention_totals_.take<float2>(*stream_, parts);
  return task.part_sums && task.part_totals;
}

void CudaBackend::join_splits(const AttendTask& task, std::int64_t rows) {
  if (task.parts() == 1) return;
  const dim3 grid(static_cast<unsigned>(rows), static_cast<unsigned>(task.params.heads));
  const std::size_t bytes = sizeof(float) * static_cast<std::size_t>(task.parts());
  stream_->launch(add_splits, grid, dim3(kAddThreads), bytes, task);
}

void CudaBackend::attention(const KvStore& store, View queries, const AttentionParams& params,
                            const BatchLayout& batch, View out) {
  AttendTask task;
  const auto& kv = static_cast<const DeviceKvStore&>(store);
  task.kv = kv.layer(params.layer);
  task.params = params;
  task.batch = device_batch(batch);
  if (params.compressed.stride > 0) task.compressed = kv.layer(params.compressed.layer);
  if (params.values_in_keys) {
    task.kv.take_values_from_keys();
    task.compressed.take_values_from_keys();
  }
  task.compressed_splits = compressed_splits(task, queries.rows);
  task.queries = queries.data;
  task.query_stride = queries.stride;
  task.out = out.data;
  task.out_stride = out.stride;
  // Tiles can't leave keys out, and need not where all are picked.
  const bool asks = selection_leaves_out_ || params.compressed.stride > 0 || is_deterministic_;
  task.params.selected = params.selected && asks;
  if (task.params.selected) {
    task.selected = static_cast<const std::uint32_t*>(selection_.get());
    task.selecting_heads = selecting_heads_;
  }
  if (is_deterministic_) return attend_alike(task, queries.rows);
  if (gathers(task)) return attend_to_gathered(task, queries.rows);
  if (has_latents(*stream_, task)) return attend_to_latents(task, batch);
  const std::int64_t tiles = worthy_tiles(task, batch);
  if (tiles == 0) {
    if (params.value_width % kBlock == 0) task.quantised = room_for_quantised(out);
    attend_by_rows(task, queries.rows, task.batch.table_pages);
    remember(out, {task.quantised, {}});
    return;
  }
  if (const QueryTile* list = device_tiles()) attend_in_tiles(*stream_, task, list, tiles);
}

}  // namespace linnet::cuda
