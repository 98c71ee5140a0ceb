#pragma once

#include "backend/cuda/kernels/products.cuh"
#include "backend/cuda/kernels/unpack.cuh"

namespace linnet::cuda {

/// What a warp of a product of few rows works on: grid (outputs, groups of kRows rows or picks).
struct FewTask {
  std::int64_t output;   ///< the first of kFewOutputs
  std::int64_t out_row;  ///< the first of kRows
  std::int64_t in_row;
  std::int32_t slice;
};

template <int kRows>
__device__ inline FewTask few_task(const SliceChoice& choice) {
  FewTask task;
  task.output = (std::int64_t{blockIdx.x} * kFewWarps + threadIdx.x / kWarp) * kFewOutputs;
  task.out_row = std::int64_t{blockIdx.y} * kRows;
  task.in_row = choice.experts && !choice.row_a_pick ? task.out_row / choice.used : task.out_row;
  task.slice = choice.experts ? choice.experts[task.out_row] : 0;
  return task;
}

template <int kRows>
__device__ inline void finish_few(const FewTask& task, std::int64_t outputs, std::int64_t rows,
                                  const Epilogue& epilogue, float (&sums)[kFewOutputs][kRows]) {
#pragma unroll
  for (int o = 0; o < kFewOutputs; ++o) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      float sum = sums[o][r];
      for (int mask = 16; mask > 0; mask /= 2) sum += exchange(sum, mask);
      const bool own = static_cast<int>(threadIdx.x) % kWarp == o * kRows + r;
      if (own && task.output + o < outputs && task.out_row + r < rows) {
        epilogue.put(task.out_row + r, task.output + o, task.slice, sum);
      }
    }
  }
}

/// out = x * weight^T for up to kRows rows: a lane takes every 32nd block of 32 inputs, whose
/// integer products are exact.
template <Codes kCodes, int kRows>
__global__ void __launch_bounds__(kFewWarps* kWarp)
    multiply_few(WeightsView w, QuantisedRows x, std::int64_t rows, SliceChoice choice,
                 Epilogue epilogue) {
  const FewTask task = few_task<kRows>(choice);
  if (task.output >= w.rows) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const bool two_groups = w.group_shift == 4;
  float sums[kFewOutputs][kRows] = {};
  for (std::int64_t block = lane; block < x.blocks; block += kWarp) {
    PackedBlock<kCodes> packed[kFewOutputs];
    std::int64_t weight_rows[kFewOutputs];
#pragma unroll
    for (int o = 0; o < kFewOutputs; ++o) {
      const std::int64_t output = task.output + o < w.rows ? task.output + o : w.rows - 1;
      weight_rows[o] = task.slice * w.rows + output;
      packed[o].read(w, weight_rows[o] * x.blocks + block);
    }
#pragma unroll
    for (int o = 0; o < kFewOutputs; ++o) {
      std::uint32_t codes[8];
      unpack<kCodes>(packed[o], w.table, codes);
      const GroupScale first = group_scale(w, weight_rows[o], block * kBlock);
      const GroupScale second =
          two_groups ? group_scale(w, weight_rows[o], block * kBlock + 16) : first;
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const std::int64_t row = task.in_row + r < rows ? task.in_row + r : task.in_row;
        const std::int64_t at = row * x.blocks + block;
        std::uint32_t high[8], low[8];
        read_words(reinterpret_cast<const std::uint8_t*>(x.codes + at * 16), high);
        read_words(reinterpret_cast<const std::uint8_t*>(x.codes + at * 16 + 8), low);
        int dots[2][2] = {};  // [half of the block][high, low]
#pragma unroll
        for (int q = 0; q < 8; ++q) {
          dots[q / 4][0] = dot4(codes[q], high[q], dots[q / 4][0]);
          dots[q / 4][1] = dot4(codes[q], low[q], dots[q / 4][1]);
        }
        float sum = 0.0f;
        const GroupScale scales[2] = {first, second};
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const auto dot = static_cast<float>(256 * dots[half][0] + dots[half][1]);
          const auto inputs = static_cast<float>(x.sums[at * 2 + half]);
          sum += scales[half].scale * (dot - w.offset * inputs) - scales[half].minimum * inputs;
        }
        sums[o][r] += x.scales[at] * sum;
      }
    }
  }
  finish_few(task, w.rows, rows, epilogue, sums);
}

/// The same for weights of float types, which inputs in float32 meet. kStep inputs of a row are
/// read at once; `columns` is a multiple of it and so is the distance of rows.
template <Codes kCodes, int kRows, int kStep>
__global__ void __launch_bounds__(kFewWarps* kWarp)
    multiply_few_floats(WeightsView w, const float* in, std::int64_t stride, std::int64_t rows,
                        SliceChoice choice, Epilogue epilogue) {
  const FewTask task = few_task<kRows>(choice);
  if (task.output >= w.rows) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  constexpr int kBytes = kCodes == Codes::kFloat32 ? 4 : 2;
  float sums[kFewOutputs][kRows] = {};
  for (std::int64_t c = lane * kStep; c < w.columns; c += kWarp * kStep) {
    float x[kRows][kStep];
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const std::int64_t row = task.in_row + r < rows ? task.in_row + r : task.in_row;
#pragma unroll
      for (int i = 0; i < kStep; ++i) x[r][i] = in[row * stride + c + i];
    }
#pragma unroll
    for (int o = 0; o < kFewOutputs; ++o) {
      const std::int64_t output = task.output + o < w.rows ? task.output + o : w.rows - 1;
      const std::uint8_t* from = w.low + ((task.slice * w.rows + output) * w.columns + c) * kBytes;
      alignas(16) std::uint8_t values[kStep * kBytes];
      if constexpr (kStep == 8) {
        auto* words = reinterpret_cast<uint4*>(values);
#pragma unroll
        for (int i = 0; i < kBytes / 2; ++i) words[i] = reinterpret_cast<const uint4*>(from)[i];
      } else {
        for (int i = 0; i < kStep * kBytes; ++i) values[i] = from[i];
      }
#pragma unroll
      for (int i = 0; i < kStep; ++i) {
        const float value = read_float<kCodes>(values, i);
#pragma unroll
        for (int r = 0; r < kRows; ++r) sums[o][r] += value * x[r][i];
      }
    }
  }
  finish_few(task, w.rows, rows, epilogue, sums);
}

}  // namespace linnet::cuda
