#pragma once

#include "backend/cuda/kernels/products.cuh"
#include "backend/cuda/kernels/weight_row.cuh"

namespace linnet::cuda {

/// What a warp of a product of few rows works on: grid (outputs of all products, groups of kRows
/// rows or picks).
struct FewTask {
  const Product& product;
  std::int64_t output;   ///< the first of kFewOutputs
  std::int64_t out_row;  ///< the first of kRows
  std::int64_t in_row;
  std::int32_t slice;

  /// The row of the weight's planes that holds output `output + o`, or the last one.
  __device__ std::int64_t weight_row(int o) const {
    const std::int64_t rows = product.w.rows;
    return slice * rows + (output + o < rows ? output + o : rows - 1);
  }
};

template <int kRows>
__device__ inline FewTask few_task(const Products& all, const SliceChoice& choice) {
  const int own = all.of_block(blockIdx.x);
  const std::int64_t block = blockIdx.x - all.firsts[own],
                     out_row = std::int64_t{blockIdx.y} * kRows;
  return {all.products[own], (block * kFewWarps + threadIdx.x / kWarp) * kFewOutputs, out_row,
          choice.experts && !choice.row_a_pick ? out_row / choice.used : out_row,
          choice.experts ? choice.experts[out_row] : 0};
}

template <int kRows>
__device__ inline void finish_few(const FewTask& task, std::int64_t rows,
                                  float (&sums)[kFewOutputs][kRows]) {
#pragma unroll
  for (int o = 0; o < kFewOutputs; ++o) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      float sum = sums[o][r];
      for (int mask = 16; mask > 0; mask /= 2) sum += exchange(sum, mask);
      const bool own = static_cast<int>(threadIdx.x) % kWarp == o * kRows + r;
      if (own && task.output + o < task.product.w.rows && task.out_row + r < rows) {
        const Epilogue& epilogue = task.product.epilogue;
        epilogue.put(task.out_row + r, task.output + o, epilogue.terms(task.output + o, task.slice),
                     sum);
      }
    }
  }
}

/// One block of inputs of one row.
struct InputBlock {
  std::uint32_t high[8], low[8];
  float scale;
  int sums[2];

  __device__ InputBlock(const QuantisedRows& x, std::int64_t at) : scale(x.scales[at]) {
    read_words(reinterpret_cast<const std::uint8_t*>(x.codes + at * 16), high);
    read_words(reinterpret_cast<const std::uint8_t*>(x.codes + at * 16 + 8), low);
    const int2 both = reinterpret_cast<const int2*>(x.sums)[at];
    sums[0] = both.x;
    sums[1] = both.y;
  }
};

/// The product of a block of a weight, of which `codes` are unpacked, and a block of inputs. The
/// integer products are exact.
template <class L>
__device__ inline float multiply_block(const WeightsView& w, const std::uint32_t (&codes)[8],
                                       const GroupScale (&groups)[2], const InputBlock& x) {
  constexpr int kWords = L::two_groups ? 4 : 8;  // of a group
  int dots[2][2] = {};                           // [group][high, low]
#pragma unroll
  for (int q = 0; q < 8; ++q) {
    dots[q / kWords][0] = dot4(codes[q], x.high[q], dots[q / kWords][0]);
    dots[q / kWords][1] = dot4(codes[q], x.low[q], dots[q / kWords][1]);
  }
  const auto part = [&](int dot, int inputs, const GroupScale& group) {
    const auto sum = static_cast<float>(inputs);
    const float product = group.scale * (static_cast<float>(dot) - w.offset * sum);
    return L::has_minimum ? product - group.minimum * sum : product;
  };
  const int first = 256 * dots[0][0] + dots[0][1];
  if constexpr (L::two_groups) {
    const int second = 256 * dots[1][0] + dots[1][1];
    return x.scale * (part(first, x.sums[0], groups[0]) + part(second, x.sums[1], groups[1]));
  }
  return x.scale * part(first, x.sums[0] + x.sums[1], groups[0]);
}

/// Asks for the beginning of a row of a weight, of `bytes`, for a warp.
__device__ inline void ask_for_row(const std::uint8_t* row, std::int64_t bytes) {
  if (threadIdx.x % kWarp == 0) ask_for_codes(row, bytes);
}

/// kFewOutputs rows, each of its own weight or all of one. Behind a row's last block lies the first
/// one of the weight's next row.
template <class L>
struct FewRows {
  WeightRow<L> rows[kFewOutputs];

  __device__ void read(int block, RowBlock<L> (&to)[kFewOutputs]) const {
#pragma unroll
    for (int o = 0; o < kFewOutputs; ++o) to[o] = rows[o].read(block);
  }
  /// What may be read before the kernels in front of this one are done: the first blocks, and to
  /// the cache more.
  __device__ void read_early(int blocks, RowBlock<L> (&to)[kFewOutputs]) const {
    constexpr int kBytes = WeightRow<L>::Packed::kLow * 4;
#pragma unroll
    for (int o = 0; o < kFewOutputs; ++o) ask_for_row(rows[o].low, std::int64_t{blocks} * kBytes);
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    if (lane < blocks) read(lane, to);
  }
};

/// sums += the products of two rows, of the weights `w` and `second`, and of up to kRows rows of
/// inputs. The rows begin at block `start` of `weights`. A lane takes every 32nd block of 32
/// inputs; `next` has its first one, and gets the next one, in the end that of the rows that begin
/// at `following`, while it works on this one.
template <class L, int kRows>
__device__ inline void multiply_few_blocks(const WeightsView& w, const WeightsView& second,
                                           const FewRows<L>& weights, int start, int following,
                                           const QuantisedRows& x, std::int64_t in_row,
                                           std::int64_t rows, RowBlock<L> (&next)[kFewOutputs],
                                           float (&sums)[kFewOutputs][kRows]) {
  static_assert(kFewOutputs == 2);
  const int blocks = static_cast<int>(x.blocks), lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll 1
  for (int block = lane; block < blocks; block += kWarp) {
    std::uint32_t codes[kFewOutputs][8];
    GroupScale groups[kFewOutputs][2];
    // Behind the last block where nothing follows: the same one again, which is near.
    const int last = following == start ? start + block : following + lane;
    const int after = block + kWarp < blocks ? start + block + kWarp : last;
#pragma unroll
    for (int o = 0; o < kFewOutputs; ++o) {
      const WeightsView& own = o == 0 ? w : second;
      const RowBlock<L> current = next[o];
      next[o] = weights.rows[o].read(after);
      unpack<L::codes>(current.packed, own.table, codes[o]);
      groups[o][0] = current.group(own, 0);
      groups[o][1] = L::two_groups ? current.group(own, 1) : groups[o][0];
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const std::int64_t row = in_row + r < rows ? in_row + r : in_row;
      const InputBlock inputs(x, row * blocks + block);
#pragma unroll
      for (int o = 0; o < kFewOutputs; ++o) {
        sums[o][r] += multiply_block<L>(o == 0 ? w : second, codes[o], groups[o], inputs);
      }
    }
  }
}

/// out = x * weight^T for up to kRows rows.
template <class L, int kRows>
__global__ void __launch_bounds__(kFewWarps* kWarp, kRows == 1 ? 7 : 4)
    multiply_few(const __grid_constant__ Products all, QuantisedRows x, std::int64_t rows,
                 SliceChoice choice) {
  if (choice.experts) wait_for_previous_kernel();  // which chose them
  const FewTask task = few_task<kRows>(all, choice);
  const WeightsView& w = task.product.w;
  if (task.output >= w.rows) return;
  FewRows<L> weights;
#pragma unroll
  for (int o = 0; o < kFewOutputs; ++o) weights.rows[o] = WeightRow<L>(w, task.weight_row(o));
  RowBlock<L> next[kFewOutputs];
  weights.read_early(static_cast<int>(x.blocks), next);
  wait_for_previous_kernel();
  float sums[kFewOutputs][kRows] = {};
  multiply_few_blocks<L, kRows>(w, w, weights, 0, 0, x, task.in_row, rows, next, sums);
  finish_few(task, rows, sums);
}

/// sums += the products of two rows of weights of a float type, and of up to kRows rows of inputs
/// in float32, kStep of a row at once: 8 where rows of weights and inputs are whole lines of 16
/// bytes, else 1.
template <Codes kCodes, int kRows, int kStep>
__device__ inline void multiply_few_floats_of(const std::uint8_t* const (&weights)[kFewOutputs],
                                              int columns, const float* in, std::int64_t stride,
                                              std::int64_t in_row, std::int64_t rows,
                                              float (&sums)[kFewOutputs][kRows]) {
  constexpr int kBytes = float_bytes(kCodes);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int c = lane * kStep; c < columns; c += kWarp * kStep) {
    float x[kRows][kStep];
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const std::int64_t row = in_row + r < rows ? in_row + r : in_row;
      read_floats<kStep>(in + row * stride + c, x[r]);
    }
#pragma unroll
    for (int o = 0; o < kFewOutputs; ++o) {
      alignas(16) std::uint8_t values[kStep * kBytes];
      const std::uint8_t* from = weights[o] + std::int64_t{c} * kBytes;
      if constexpr (kStep == 8) {
#pragma unroll
        for (int i = 0; i < kBytes / 2; ++i) {
          reinterpret_cast<uint4*>(values)[i] = reinterpret_cast<const uint4*>(from)[i];
        }
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
}

/// The same as multiply_few for weights of float types.
template <Codes kCodes, int kRows, int kStep>
__global__ void __launch_bounds__(kFewWarps* kWarp)
    multiply_few_floats(const __grid_constant__ Products all, const float* in, std::int64_t stride,
                        std::int64_t rows, SliceChoice choice) {
  if (choice.experts) wait_for_previous_kernel();  // which chose them
  const FewTask task = few_task<kRows>(all, choice);
  const WeightsView& w = task.product.w;
  if (task.output >= w.rows) return;
  constexpr int kBytes = float_bytes(kCodes);
  const std::uint8_t* weights[kFewOutputs];
#pragma unroll
  for (int o = 0; o < kFewOutputs; ++o) {
    weights[o] = w.low + task.weight_row(o) * w.columns * kBytes;
    ask_for_row(weights[o], w.columns * kBytes);
  }
  wait_for_previous_kernel();
  float sums[kFewOutputs][kRows] = {};
  multiply_few_floats_of<kCodes, kRows, kStep>(weights, static_cast<int>(w.columns), in, stride,
                                               task.in_row, rows, sums);
  finish_few(task, rows, sums);
}

}  // namespace linnet::cuda
