#pragma once

#include "backend/cuda/kernels/kv_view.cuh"

namespace linnet::cuda {

/// dots[h] of key `index` with the queries [kHeads][key_width], which begin at a multiple of 16
/// bytes.
template <KvType kType, int kHeads, class Keys>
__device__ inline void score_key(const Keys& keys, int width, const float* queries, int index,
                                 float (&dots)[kHeads]) {
  constexpr int kStep = 8;
  const std::uint8_t* page = keys.key_page(index);
  const int slot = keys.slot(index), slots = keys.slots;
  if (width % kStep != 0) {
    for (int c = 0; c < width; ++c) {
      float key[1];
      read_kv<kType>(page, width, slot, c, key, slots);
#pragma unroll
      for (int h = 0; h < kHeads; ++h) dots[h] += key[0] * queries[h * width + c];
    }
    return;
  }
#pragma unroll 8
  for (int c = 0; c < width; c += kStep) {
    float key[kStep];
    read_kv_line<kType>(page, width, slot, c, key, slots);
#pragma unroll
    for (int h = 0; h < kHeads; ++h) {
      float query[kStep];
      read_floats(queries + h * width + c, query);
#pragma unroll
      for (int i = 0; i < kStep; ++i) dots[h] += key[i] * query[i];
    }
  }
}

}  // namespace linnet::cuda
