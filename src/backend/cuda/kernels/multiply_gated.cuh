#pragma once

#include "backend/cuda/kernels/activate.cuh"
#include "backend/cuda/kernels/multiply_few.cuh"
#include "backend/cuda/kernels/quantise_block.cuh"

namespace linnet::cuda {

static_assert(kFewOutputs == 2 && kGatedWarps * kGatedTurns == kBlock);

/// What a warp of a gated product works on: the outputs [own, own + kGatedTurns) of the thread
/// block's kBlock outputs from `first` on, one after the other. Grid: (blocks of outputs, groups of
/// kRows rows or picks).
struct GatedTask {
  const Products& both;  ///< gate and up
  std::int64_t first, own, out_row, in_row;
  std::int32_t slice;

  /// The row of the planes of gate (0) and up (1) that holds the first output, or the last one.
  __device__ std::int64_t weight_row(int o) const {
    const std::int64_t rows = both.products[o].w.rows;
    return slice * rows + (own < rows ? own : rows - 1);
  }
};

template <int kRows>
__device__ inline GatedTask gated_task(const Products& both, const SliceChoice& choice) {
  const std::int64_t first = std::int64_t{blockIdx.x} * kBlock,
                     out_row = std::int64_t{blockIdx.y} * kRows;
  return {both,
          first,
          first + threadIdx.x / kWarp * kGatedTurns,
          out_row,
          choice.experts && !choice.row_a_pick ? out_row / choice.used : out_row,
          choice.experts ? choice.experts[out_row] : 0};
}

/// The results of a turn, out of the warp's sums of gate and up.
template <int kRows>
__device__ inline void put_turn(const GatedTask& task, int turn, Activation activation,
                                float (&sums)[kFewOutputs][kRows], float (&values)[kRows][kBlock]) {
  const Epilogue &of_gate = task.both.products[0].epilogue, &of_up = task.both.products[1].epilogue;
  const std::int64_t output = task.own + turn;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
#pragma unroll
    for (int o = 0; o < kFewOutputs; ++o) {
      for (int mask = 16; mask > 0; mask /= 2) sums[o][r] += exchange(sums[o][r], mask);
    }
    if (static_cast<int>(threadIdx.x) % kWarp != r) continue;
    const float left = of_gate.value(of_gate.terms(output, task.slice), sums[0][r]);
    const float right = of_up.value(of_up.terms(output, task.slice), sums[1][r]);
    values[r][output - task.first] = activate(activation, left) * up_factor(activation, right);
  }
}

/// Writes the thread block's outputs, a row a warp, and as a block of `quantised`, if that has
/// codes.
template <int kRows>
__device__ inline void finish_gated(const GatedTask& task, std::int64_t rows,
                                    const float (&values)[kRows][kBlock],
                                    const QuantisedRows& quantised) {
  sync_block();
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t row = task.out_row + warp;
  if (warp >= kRows || row >= rows) return;
  const Product& up = task.both.products[1];
  const bool inside = task.first + lane < up.w.rows;
  const float value = inside ? values[warp][lane] : 0.0f;
  if (inside) up.epilogue.out[row * up.epilogue.stride + task.first + lane] = value;
  if (quantised.codes) quantise_block(value, row * quantised.blocks + blockIdx.x, quantised);
}

/// out = activation(x * gate^T) * (x * up^T) for up to kRows rows; out is up's. `quantised` is not
/// where `x` lies.
template <class L, int kRows>
__global__ void __launch_bounds__(kGatedWarps* kWarp, kRows == 1 ? 4 : 2)
    multiply_gated(const __grid_constant__ Products both, QuantisedRows x, std::int64_t rows,
                   SliceChoice choice, Activation activation, QuantisedRows quantised) {
  __shared__ float values[kRows][kBlock];
  if (choice.experts) wait_for_previous_kernel();  // which chose them
  const GatedTask task = gated_task<kRows>(both, choice);
  const WeightsView &gate = both.products[0].w, &up = both.products[1].w;
  FewRows<L> weights;
#pragma unroll
  for (int o = 0; o < kFewOutputs; ++o) {
    weights.rows[o] = WeightRow<L>(both.products[o].w, task.weight_row(o));
  }
  const int blocks = static_cast<int>(x.blocks);
  RowBlock<L> next[kFewOutputs];
  weights.read_early(blocks, next);
  wait_for_previous_kernel();
#pragma unroll 1
  for (int turn = 0; turn < kGatedTurns && task.own + turn < up.rows; ++turn) {
    const bool more = turn + 1 < kGatedTurns && task.own + turn + 1 < up.rows;
    float sums[kFewOutputs][kRows] = {};
    multiply_few_blocks<L, kRows>(gate, up, weights, turn * blocks,
                                  (more ? turn + 1 : turn) * blocks, x, task.in_row, rows, next,
                                  sums);
    put_turn<kRows>(task, turn, activation, sums, values);
  }
  finish_gated<kRows>(task, rows, values, quantised);
}

/// The same for weights of float types: see multiply_few_floats.
template <Codes kCodes, int kRows, int kStep>
__global__ void __launch_bounds__(kGatedWarps* kWarp, kRows == 1 ? 4 : 2)
    multiply_gated_floats(const __grid_constant__ Products both, const float* in,
                          std::int64_t stride, std::int64_t rows, SliceChoice choice,
                          Activation activation, QuantisedRows quantised) {
  __shared__ float values[kRows][kBlock];
  if (choice.experts) wait_for_previous_kernel();  // which chose them
  const GatedTask task = gated_task<kRows>(both, choice);
  const auto columns = static_cast<int>(both.products[1].w.columns);
  const std::int64_t row_bytes = std::int64_t{columns} * float_bytes(kCodes);
  const std::uint8_t* weights[kFewOutputs];
#pragma unroll
  for (int o = 0; o < kFewOutputs; ++o) {
    weights[o] = both.products[o].w.low + task.weight_row(o) * row_bytes;
    ask_for_row(weights[o], row_bytes);
  }
  wait_for_previous_kernel();
#pragma unroll 1
  for (int turn = 0; turn < kGatedTurns && task.own + turn < both.products[1].w.rows; ++turn) {
    float sums[kFewOutputs][kRows] = {};
    multiply_few_floats_of<kCodes, kRows, kStep>(weights, columns, in, stride, task.in_row, rows,
                                                 sums);
    put_turn<kRows>(task, turn, activation, sums, values);
#pragma unroll
    for (int o = 0; o < kFewOutputs; ++o) weights[o] += row_bytes;
  }
  finish_gated<kRows>(task, rows, values, quantised);
}

}  // namespace linnet::cuda
