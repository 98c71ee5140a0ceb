#pragma once

#include "backend/cuda/kernels/attend_rows.cuh"

namespace linnet::cuda {

/// The compressed keys [first, first + 32) of a sequence, which lie in several pages; see
/// CompressedKeys. Behind the last one, of `count`, it is the last one that is read.
struct CompressedPiece {
  const AttendTask& task;
  const std::int32_t* table;
  int kv_head, slots, value_width;
  std::int32_t first, count;

  /// The position at whose place key `i` lies.
  __device__ std::int32_t position(int i) const {
    const std::int32_t key = first + i < count ? first + i : count - 1;
    return key * task.compressed.stride + task.compressed.stride - 1;
  }
  __device__ std::int64_t page(int i) const { return table[position(i) / kPageTokens]; }
  __device__ int slot(int i) const { return position(i) % kPageTokens / task.compressed.stride; }
  __device__ const std::uint8_t* key_page(int i) const {
    return task.compressed.key_page(page(i), kv_head);
  }
  __device__ const std::uint8_t* value_page(int i) const {
    return task.compressed.value_page(page(i), kv_head);
  }
  __device__ float score(float dot, int, int) const { return dot * task.params.scale; }
};

/// What attend_rows leaves out: the parts of the compressed keys, behind its own. Grid: (rows, KV
/// heads * chunks, compressed splits). The warps of a thread block take 32 keys in turn.
template <KvType kType, int kHeads, int kColumns>
__global__ void __launch_bounds__(kAttendWarps* kWarp) attend_compressed(AttendTask task) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const HeadChunk<kHeads> chunk(task);
  const AttendMemory<kHeads> memory(task.params);
  load_row_queries(task, chunk, memory);

  const DeviceBatch& batch = task.batch;
  const std::int32_t* table = batch.tables + batch.sequences[row] * batch.table_pages;
  const std::uint32_t* selected = task.selected ? task.selected + row * batch.table_pages : nullptr;
  const std::int32_t count = (batch.positions[row] + 1) / task.compressed.stride;
  const std::int32_t pieces = (count + kWarp - 1) / kWarp;
  const int each = own_pages_a_split(pieces, task.compressed_splits);
  const std::int32_t first = static_cast<std::int32_t>(blockIdx.z) * each;
  const std::int32_t end = first + each < pieces ? first + each : pieces;

  WarpSums<kHeads, kColumns> state;
  state.clear();
  for (std::int32_t piece = first + warp; piece < end; piece += kAttendWarps) {
    const std::uint32_t seen = seen_of_page({0, count}, selected, piece);
    if (seen == 0) continue;
    attend_keys<kType>(task.params, chunk,
                       CompressedPiece{task, table, chunk.kv_head, task.compressed.slots,
                                       task.compressed.value_width, piece * kWarp, count},
                       seen, memory.queries, memory.weights + warp * kHeads * kWarp, state);
  }
  put_warp_sums(state, task.params.value_width, memory);
  sync_block();
  merge_warps(task, chunk, memory, task.splits + static_cast<int>(blockIdx.z));
}

}  // namespace linnet::cuda
