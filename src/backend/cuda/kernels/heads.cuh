#pragma once

#include "backend/cuda/kernels/head_works.cuh"
#include "backend/cuda/kernels/norms.cuh"

namespace linnet::cuda {

/// Puts a block of 32 numbers of one head in its place. One warp.
__device__ inline void store_kv_block(const KvView& kv, std::uint8_t* page, int width, int slot,
                                      int first, const float* from) {
  const KvType type = kv.type;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int column = first + lane;
  const bool inside = column < width;
  const std::int64_t at = std::int64_t{slot} * width + column;
  const float value = inside ? from[column] : 0.0f;
  if (type == KvType::kF32) {
    if (inside) reinterpret_cast<float*>(page)[at] = value;
    return;
  }
  if (type == KvType::kF16) {
    if (inside) reinterpret_cast<std::uint16_t*>(page)[at] = to_half(value);
    return;
  }
  if (type == KvType::kBf16) {
    if (inside) reinterpret_cast<std::uint16_t*>(page)[at] = to_bfloat16(value);
    return;
  }
  if (type == KvType::kF8) {
    if (inside) page[at] = to_e4m3(value);
    return;
  }
  float largest = fabsf(value);
  for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  if (inside) page[at] = static_cast<std::uint8_t>(static_cast<int>(rintf(value * inverse)));
  if (lane == 0) {
    auto* scales = reinterpret_cast<std::uint16_t*>(page + kv.slots * width);
    scales[slot * ((width + kKvBlock - 1) / kKvBlock) + first / kKvBlock] =
        to_half(largest / 127.0f);
  }
}

inline constexpr int kHeadThreads = 128;
/// Columns of a head that the threads normalise.
inline constexpr std::int64_t kWidestHead = 512;

/// Turns a head by the angles of `position`, a thread a pair.
__device__ inline void rotate_head(const RopeTask& task, std::int32_t position, float* head) {
  const int half = task.dims / 2;
  const bool adjacent = task.layout == RopeLayout::kAdjacent;
  for (int pair = static_cast<int>(threadIdx.x); pair < half; pair += kHeadThreads) {
    // In double, because the angle of a position of six digits has few exact digits in float.
    const double angle = double{task.inverse_frequencies[pair]} * position;
    const double turns = rint(angle * 0.15915494309189535);
    const auto rest = static_cast<float>(angle - turns * 6.283185307179586477);
    const float cosine = cosf(rest) * task.magnitude, sine = sinf(rest) * task.magnitude;
    float* a = head + task.first + (adjacent ? 2 * pair : pair);
    float* b = adjacent ? a + 1 : a + half;
    const float left = *a, right = *b;
    *a = left * cosine - right * sine;
    *b = left * sine + right * cosine;
  }
}

/// Puts a head of a row in its place.
__device__ inline void store_head(const HeadWorks& all, const HeadWork& work, std::int64_t row,
                                  int head, const float* from) {
  const DeviceBatch& batch = all.batch;
  const std::int32_t position = batch.positions[row];
  const std::int64_t id =
      batch.tables[batch.sequences[row] * batch.table_pages + position / kPageTokens];
  std::uint8_t* page =
      work.stored == Stored::kAsKeys ? all.kv.key_page(id, head) : all.kv.value_page(id, head);
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int slot = position % kPageTokens / all.kv.stride;  // of the last token of a key
  for (int first = warp * kKvBlock; first < work.width; first += kHeadThreads) {
    store_kv_block(all.kv, page, work.width, slot, first, from);
  }
}

/// Grid: (rows, heads of all works).
__global__ void __launch_bounds__(kHeadThreads)
    prepare_heads(const __grid_constant__ HeadWorks all) {
  wait_for_previous_kernel();
  int own = 0, head = static_cast<int>(blockIdx.y);
  while (head >= all.works[own].heads) head -= all.works[own++].heads;
  const HeadWork& work = all.works[own];
  const std::int64_t row = blockIdx.x;
  float* x = work.x.data + row * work.x.stride + std::int64_t{head} * work.width;
  if (work.normalised) {
    const std::int64_t offset = work.norm.weight_per_column ? std::int64_t{head} * work.width : 0;
    normalise_group(x, work.norm, work.width, offset,
                    [&](std::int64_t c, float value) { x[c] = value; });
    sync_block();
  }
  if (work.rope.layout != RopeLayout::kNone) {
    rotate_head(work.rope, work.rope.positions[row], x);
    sync_block();
  }
  if (work.stored != Stored::kNowhere) store_head(all, work, row, head, x);
}

}  // namespace linnet::cuda
