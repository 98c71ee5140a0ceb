#pragma once

#include "backend/cuda/kernels/activate.cuh"
#include "backend/cuda/kernels/multiply_few.cuh"
#include "backend/cuda/kernels/quantise_block.cuh"

namespace linnet::cuda {

static_assert(kFewOutputs == 2 && kGatedWarps * kGatedTurns == kBlock);

/// out = activation(x * gate^T) * (x * up^T) for up to kRows rows; `both` are gate and up, out is
/// up's. A thread block takes a block of outputs, which becomes one of `quantised`, if that has
/// codes: not where `x` lies. Grid: (blocks of outputs, groups of kRows rows or picks).
template <class L, int kRows>
__global__ void __launch_bounds__(kGatedWarps* kWarp)
    multiply_gated(const __grid_constant__ Products both, QuantisedRows x, std::int64_t rows,
                   SliceChoice choice, Activation activation, QuantisedRows quantised) {
  __shared__ float values[kRows][kBlock];
  const WeightsView &gate = both.products[0].w, &up = both.products[1].w;
  const Epilogue &of_gate = both.products[0].epilogue, &of_up = both.products[1].epilogue;
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t first = std::int64_t{blockIdx.x} * kBlock,
                     out_row = std::int64_t{blockIdx.y} * kRows;
  if (choice.experts) wait_for_previous_kernel();  // which chose them
  const std::int32_t slice = choice.experts ? choice.experts[out_row] : 0;
  const std::int64_t in_row =
      choice.experts && !choice.row_a_pick ? out_row / choice.used : out_row;

  const std::int64_t own = first + warp * kGatedTurns;
  FewRows<L> weights;
#pragma unroll
  for (int o = 0; o < kFewOutputs; ++o) {
    const WeightsView& w = both.products[o].w;
    weights.rows[o] = WeightRow<L>(w, slice * w.rows + (own < w.rows ? own : w.rows - 1));
  }
  const int blocks = static_cast<int>(x.blocks);
  RowBlock<L> next[kFewOutputs];
  weights.read_early(blocks, next);
  wait_for_previous_kernel();
#pragma unroll 1
  for (int turn = 0; turn < kGatedTurns && own + turn < up.rows; ++turn) {
    const bool more = turn + 1 < kGatedTurns && own + turn + 1 < up.rows;
    float sums[kFewOutputs][kRows] = {};
    multiply_few_blocks<L, kRows>(gate, up, weights, turn * blocks,
                                  (more ? turn + 1 : turn) * blocks, x, in_row, rows, next, sums);
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
#pragma unroll
      for (int o = 0; o < kFewOutputs; ++o) {
        for (int mask = 16; mask > 0; mask /= 2) sums[o][r] += exchange(sums[o][r], mask);
      }
      if (lane != r) continue;
      const float left = of_gate.value(own + turn, slice, sums[0][r]);
      const float right = of_up.value(own + turn, slice, sums[1][r]);
      values[r][warp * kGatedTurns + turn] =
          activate(activation, left) * up_factor(activation, right);
    }
  }
  sync_block();
  const std::int64_t row = out_row + warp;  // a warp finishes a row
  if (warp >= kRows || row >= rows) return;
  const bool inside = first + lane < up.rows;
  const float value = inside ? values[warp][lane] : 0.0f;
  if (inside) of_up.out[row * of_up.stride + first + lane] = value;
  if (quantised.codes) quantise_block(value, row * quantised.blocks + blockIdx.x, quantised);
}

}  // namespace linnet::cuda
