#pragma once

#include "backend/cuda/kernels/attend.cuh"
#include "backend/cuda/kernels/score_key.cuh"

namespace linnet::cuda {

/// The running softmax of the heads of one warp (https://arxiv.org/abs/1805.02867).
template <int kHeads, int kColumns>
struct WarpSums {
  float largest[kHeads], total[kHeads], sums[kHeads][kColumns];

  __device__ void clear() {
#pragma unroll
    for (int h = 0; h < kHeads; ++h) {
      largest[h] = -INFINITY;
      total[h] = 0.0f;
#pragma unroll
      for (int c = 0; c < kColumns; ++c) sums[h][c] = 0.0f;
    }
  }
};

/// What a warp takes at once of the keys of a KV head: those of a page.
struct PageKeys {
  static constexpr int slots = kPageTokens;
  const AttendTask& task;
  const std::uint8_t *keys, *values;
  int value_width;
  std::int32_t first, position;

  __device__ PageKeys(const AttendTask& all, int kv_head, std::int64_t id, std::int32_t page,
                      std::int32_t query_position)
      : task(all),
        keys(all.kv.key_page(id, kv_head)),
        values(all.kv.value_page(id, kv_head)),
        value_width(all.kv.value_width),
        first(page * kPageTokens),
        position(query_position) {}
  __device__ const std::uint8_t* key_page(int) const { return keys; }
  __device__ const std::uint8_t* value_page(int) const { return values; }
  __device__ int slot(int i) const { return i; }
  __device__ float score(float dot, int head, int i) const {
    return adjust_score(task.params, dot, head, first + i, position);
  }
};

/// sums[h] += weights[h][i] * values of the keys that are seen, the columns of this lane of the
/// first `columns`. Several reads are under way at a time.
template <KvType kType, int kHeads, int kColumns, class Keys>
__device__ inline void add_values(const Keys& keys, int columns, std::uint32_t seen,
                                  const float* weights, float (&sums)[kHeads][kColumns]) {
  constexpr int kAhead = 64 / kColumns;
  const int column = static_cast<int>(threadIdx.x) % kWarp * kColumns;
  if (column >= columns) return;
  const int width = keys.value_width;
  const bool lines = width % kColumns == 0 && columns % kColumns == 0;
  for (int first = 0; first < kPageTokens; first += kAhead) {
    float values[kAhead][kColumns] = {};
    if (lines) {
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        // Nothing decides whether to read, so that all reads begin before the first one ends.
        read_kv_line<kType>(keys.value_page(first + i), width, keys.slot(first + i), column,
                            values[i], keys.slots);
        if (!(seen >> (first + i) & 1)) {
#pragma unroll
          for (int c = 0; c < kColumns; ++c) values[i][c] = 0.0f;
        }
      }
    } else {
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (!(seen >> (first + i) & 1)) continue;
        read_kv<kType>(keys.value_page(first + i), width, keys.slot(first + i), column, values[i],
                       keys.slots);
      }
    }
#pragma unroll
    for (int h = 0; h < kHeads; ++h) {
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        const float weight = weights[h * kWarp + first + i];
#pragma unroll
        for (int c = 0; c < kColumns; ++c) sums[h][c] += weight * values[i][c];
      }
    }
  }
}

/// The query heads that a thread block of attend_rows takes.
template <int kHeads>
struct HeadChunk {
  int kv_head, first_head, heads;

  __device__ explicit HeadChunk(const AttendTask& task) {
    const int group = task.params.heads / task.params.kv_heads;
    const int first = static_cast<int>(blockIdx.y) % task.chunks * kHeads;
    kv_head = static_cast<int>(blockIdx.y) / task.chunks;
    first_head = kv_head * group + first;
    heads = group - first < kHeads ? group - first : kHeads;
  }
};

/// 32 keys for one warp: lane i scores key i, then each lane sums kColumns columns of the values.
template <KvType kType, int kHeads, int kColumns, class Keys>
__device__ inline void attend_keys(const AttentionParams& params, const HeadChunk<kHeads>& chunk,
                                   const Keys& keys, std::uint32_t seen, const float* queries,
                                   float* weights, WarpSums<kHeads, kColumns>& state) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float dots[kHeads] = {};
  if (seen >> lane & 1) score_key<kType>(keys, params.key_width, queries, lane, dots);
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    const int head = chunk.first_head + (h < chunk.heads ? h : 0);
    const float score = seen >> lane & 1 ? keys.score(dots[h], head, lane) : -INFINITY;
    float largest = score;
    for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
    largest = fmaxf(largest, state.largest[h]);
    const float weight = seen >> lane & 1 ? expf(score - largest) : 0.0f;
    const float change = expf(state.largest[h] - largest);
    float total = weight;
    for (int mask = 16; mask > 0; mask /= 2) total += exchange(total, mask);
    state.largest[h] = largest;
    state.total[h] = state.total[h] * change + total;
#pragma unroll
    for (int c = 0; c < kColumns; ++c) state.sums[h][c] *= change;
    weights[h * kWarp + lane] = weight;
  }
  sync_warp();
  add_values<kType>(keys, params.value_width, seen, weights, state.sums);
  sync_warp();
}

/// Launch memory of attend_rows, in floats: queries, weights, and the warps' sums.
constexpr std::size_t attend_memory_floats(int heads, int key_width, int value_width) {
  return std::size_t{static_cast<unsigned>(heads)} *
         (key_width + kAttendWarps * (kWarp + 2 + value_width));
}

/// The parts of that memory.
template <int kHeads>
struct AttendMemory {
  float* queries;  ///< [kHeads][key_width]
  float* weights;  ///< [warps][kHeads][32]
  float* sums;     ///< [warps][kHeads][value_width]
  float* largest;  ///< [warps][kHeads]
  float* totals;   ///< [warps][kHeads]

  __device__ explicit AttendMemory(const AttentionParams& params)
      : queries(reinterpret_cast<float*>(launch_memory())),
        weights(queries + kHeads * params.key_width),
        sums(weights + kAttendWarps * kHeads * kWarp),
        largest(sums + kAttendWarps * kHeads * params.value_width),
        totals(largest + kAttendWarps * kHeads) {}
};

template <int kHeads, int kColumns>
__device__ inline void put_warp_sums(const WarpSums<kHeads, kColumns>& state, int width,
                                     const AttendMemory<kHeads>& memory) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    if (lane == 0) {
      memory.largest[warp * kHeads + h] = state.largest[h];
      memory.totals[warp * kHeads + h] = state.total[h];
    }
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      const int column = lane * kColumns + c;
      if (column < width) {
        memory.sums[(warp * kHeads + h) * width + column] = state.sums[h][c];
      }
    }
  }
}

/// The warps' sums become the output or, of several parts, the one with this number.
template <int kHeads>
__device__ inline void merge_warps(const AttendTask& task, const HeadChunk<kHeads>& chunk,
                                   const AttendMemory<kHeads>& memory, int number) {
  const AttentionParams& params = task.params;
  const std::int64_t row = blockIdx.x;
  const int width = params.value_width;
  const bool last = task.parts() == 1;
  for (int i = static_cast<int>(threadIdx.x); i < chunk.heads * width; i += kAttendWarps * kWarp) {
    const int h = i / width, column = i % width, head = chunk.first_head + h;
    float largest = last && params.sinks ? params.sinks[head] : -INFINITY;
    for (int w = 0; w < kAttendWarps; ++w) {
      largest = fmaxf(largest, memory.largest[w * kHeads + h]);
    }
    float total = last && params.sinks ? expf(params.sinks[head] - largest) : 0.0f, sum = 0.0f;
    for (int w = 0; w < kAttendWarps; ++w) {
      if (memory.totals[w * kHeads + h] == 0.0f) continue;
      const float factor = expf(memory.largest[w * kHeads + h] - largest);
      total += factor * memory.totals[w * kHeads + h];
      sum += factor * memory.sums[(w * kHeads + h) * width + column];
    }
    if (last) {
      task.put(row, head, column, sum / total);
      continue;
    }
    const std::int64_t part = (row * params.heads + head) * task.parts() + number;
    task.part_sums[part * width + column] = sum;
    if (column == 0) task.part_totals[part] = {largest, total};
  }
}

/// Pages (or 32 keys at a time) of a split where each row's keys are cut by their own number, at
/// least one for a warp.
__device__ inline int own_pages_a_split(int pages, int splits) {
  const int even = (pages + splits - 1) / splits;
  return even > kAttendWarps ? even : kAttendWarps;
}

/// Brings a row's queries of the heads to shared memory.
template <int kHeads>
__device__ inline void load_row_queries(const AttendTask& task, const HeadChunk<kHeads>& chunk,
                                        const AttendMemory<kHeads>& memory) {
  const int width = task.params.key_width;
  const float* queries = task.queries + blockIdx.x * task.query_stride + chunk.first_head * width;
  for (int i = static_cast<int>(threadIdx.x); i < kHeads * width; i += kAttendWarps * kWarp) {
    memory.queries[i] = i < chunk.heads * width ? queries[i] : 0.0f;
  }
  sync_block();
}

inline constexpr int kAddThreads = 128;

/// Grid: (rows, KV heads * chunks, splits). The warps of a thread block take pages in turn.
template <KvType kType, int kHeads, int kColumns>
__global__ void __launch_bounds__(kAttendWarps* kWarp) attend_rows(AttendTask task) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const HeadChunk<kHeads> chunk(task);
  const AttendMemory<kHeads> memory(task.params);
  load_row_queries(task, chunk, memory);

  const std::int32_t sequence = task.batch.sequences[row], position = task.batch.positions[row];
  const DeviceKeyRange keys = keys_of(task.params, position, task.batch.lengths[sequence]);
  const std::int32_t* table = task.batch.tables + sequence * task.batch.table_pages;
  const std::uint32_t* selected =
      task.compressed_splits == 0 ? task.picks_of(row, chunk.kv_head) : nullptr;
  std::int32_t end_page = (keys.end + kPageTokens - 1) / kPageTokens;
  const int pages = task.pages_a_split > 0
                        ? task.pages_a_split
                        : own_pages_a_split(end_page - keys.begin / kPageTokens, task.splits);
  const std::int32_t first_page =
      keys.begin / kPageTokens + static_cast<std::int32_t>(blockIdx.z) * pages;
  if (first_page + pages < end_page) end_page = first_page + pages;

  WarpSums<kHeads, kColumns> state;
  state.clear();
  for (std::int32_t page = first_page + warp; page < end_page; page += kAttendWarps) {
    const std::uint32_t seen = seen_of_page(keys, selected, page);
    if (seen == 0) continue;
    attend_keys<kType>(task.params, chunk,
                       PageKeys(task, chunk.kv_head, table[page], page, position), seen,
                       memory.queries, memory.weights + warp * kHeads * kWarp, state);
  }
  put_warp_sums(state, task.params.value_width, memory);
  sync_block();
  merge_warps(task, chunk, memory, static_cast<int>(blockIdx.z));
}

/// Adds the parts of a row's head, always in the same order. Grid: (rows, heads); launch memory: a
/// number for each part.
__global__ void __launch_bounds__(kAddThreads) add_splits(AttendTask task) {
  wait_for_previous_kernel();
  auto* factors = reinterpret_cast<float*>(launch_memory());
  const std::int64_t row = blockIdx.x;
  const int head = static_cast<int>(blockIdx.y), width = task.params.value_width;
  const int count = task.parts();
  const std::int64_t first = (row * task.params.heads + head) * count;
  const float2* parts = task.part_totals + first;
  const float* sinks = task.params.sinks;
  // Every warp finds the totals, a lane a split, so that their reads are under way at once.
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float largest = sinks ? sinks[head] : -INFINITY;
  for (int s = lane; s < count; s += kWarp) largest = fmaxf(largest, parts[s].x);
  for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
  float total = 0.0f;
  for (int s = lane; s < count; s += kWarp) {
    const float factor = parts[s].y > 0.0f ? expf(parts[s].x - largest) : 0.0f;
    total += parts[s].y * factor;
    if (static_cast<int>(threadIdx.x) < kWarp) factors[s] = factor;
  }
  for (int mask = 16; mask > 0; mask /= 2) total += exchange(total, mask);
  if (sinks) total += expf(sinks[head] - largest);
  sync_block();
  for (int column = static_cast<int>(threadIdx.x); column < width; column += kAddThreads) {
    float sum = 0.0f;
#pragma unroll 8
    for (int s = 0; s < count; ++s) {
      sum += task.part_sums[(first + s) * width + column] * factors[s];
    }
    task.put(row, head, column, sum / total);
  }
}

}  // namespace linnet::cuda
