#pragma once

#include "backend/cuda/kernels/output_tile.cuh"
#include "backend/cuda/kernels/weight_piece.cuh"

namespace linnet::cuda {

/// How the eight warps share a tile of kTileOutputs x kRows: each has kOutputTiles x kRowTiles
/// products of 16 outputs x 8 rows.
template <int kRows>
struct WarpShare {
  static constexpr int kAlongRows = kRows >= 64 ? 2 : 1;
  static constexpr int kAlongOutputs = 8 / kAlongRows;
  static constexpr int kOutputTiles = kTileOutputs / kAlongOutputs / 16;
  static constexpr int kRowTiles = kRows / kAlongRows / 8;
};

/// The products of one step: `weights` [kTileOutputs][kTileStride], `inputs` [kRows][kTileStride].
template <int kRows>
__device__ inline void multiply_step(
    const std::uint16_t* weights, const std::uint16_t* inputs,
    float (&sums)[WarpShare<kRows>::kOutputTiles][WarpShare<kRows>::kRowTiles][4]) {
  using Share = WarpShare<kRows>;
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  const int output = warp / Share::kAlongRows * Share::kOutputTiles * 16;
  const int row = warp % Share::kAlongRows * Share::kRowTiles * 8;
#pragma unroll
  for (int k = 0; k < kTileInputs; k += 16) {
    std::uint32_t a[Share::kOutputTiles][4];
#pragma unroll
    for (int t = 0; t < Share::kOutputTiles; ++t) {
      load_tiles(a[t], weights + (output + t * 16 + lane % 16) * kTileStride + k + lane / 16 * 8);
    }
#pragma unroll
    for (int t = 0; t < Share::kRowTiles; t += 2) {
      std::uint32_t b[4];  // of two tiles of 8 rows
      load_tiles(b, inputs + (row + t * 8 + lane / 16 * 8 + lane % 8) * kTileStride + k +
                        lane / 8 % 2 * 8);
#pragma unroll
      for (int o = 0; o < Share::kOutputTiles; ++o) {
        multiply_tiles(sums[o][t], a[o], b[0], b[1]);
        multiply_tiles(sums[o][t + 1], a[o], b[2], b[3]);
      }
    }
  }
}

/// Begins to bring the inputs of one step to `to` [kRows][kTileStride].
template <int kRows>
__device__ inline void copy_inputs(const HalfRows& x, const RowTiles& tiles, const OutputTile& tile,
                                   std::int64_t step, std::uint16_t* to) {
  constexpr int kPieces = kTileInputs / 8;
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kPieces; i += kTileThreads) {
    const int r = i / kPieces, c = i % kPieces * 8;
    const bool zeros = r >= tile.count;
    const std::int64_t at = tile.first_row + (zeros ? 0 : r);
    const std::int64_t row = tiles.in_rows ? tiles.in_rows[at] : at;
    begin_copy16(to + r * kTileStride + c, x.values + row * x.columns + step * kTileInputs + c,
                 zeros);
  }
}

/// Grid: (tiles of outputs of all products, tiles of rows, splits of the inputs).
template <Codes kCodes, int kRows>
__global__ void __launch_bounds__(kTileThreads, kRows <= 32 ? 3 : 2)
    multiply_many(const __grid_constant__ Products all, HalfRows x, std::int64_t rows,
                  RowTiles tiles, Partial partial) {
  if (tiles.counts) wait_for_previous_kernel();  // which made the lists
  const OutputTile tile(all, tiles, rows, kRows);
  if (tile.count <= 0) return;
  const WeightsView& w = tile.product.w;
  constexpr int kWeightHalves = kTileOutputs * kTileStride, kInputHalves = kRows * kTileStride;
  auto* weights = reinterpret_cast<std::uint16_t*>(launch_memory());
  std::uint16_t* inputs = weights + 2 * kWeightHalves;

  // A thread unpacks 32 inputs of one output.
  const int own_output = static_cast<int>(threadIdx.x) / 2;
  const int own_column = static_cast<int>(threadIdx.x) % 2 * kBlock;
  const bool inside = tile.first_output + own_output < w.rows;
  const std::int64_t weight_row = tile.slice * w.rows + tile.first_output + own_output;
  std::uint16_t* own_place = weights + own_output * kTileStride + own_column;
  const auto read = [&](std::int64_t step, WeightPiece<kCodes>& piece) {
    piece.read(w, weight_row, step * kTileInputs + own_column, inside);
  };
  // Narrow tiles wait for memory, so small weights are read two steps ahead; wide tiles have no
  // registers to spare.
  constexpr int kAhead = kRows <= 32 && !is_float(kCodes) && low_words(kCodes) <= 4 ? 2 : 1;
  WeightPiece<kCodes> ahead[kAhead];

  const std::int64_t all_steps = x.columns / kTileInputs;
  const std::int64_t begin = partial.sums ? blockIdx.z * partial.steps_a_split : 0;
  const std::int64_t end = partial.sums && begin + partial.steps_a_split < all_steps
                               ? begin + partial.steps_a_split
                               : all_steps;
  float sums[WarpShare<kRows>::kOutputTiles][WarpShare<kRows>::kRowTiles][4] = {};
  if (begin < end) read(begin, ahead[0]);
  wait_for_previous_kernel();
  if (begin < end) {
    copy_inputs<kRows>(x, tiles, tile, begin, inputs);
    ahead[0].write(w, own_place);
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (begin + 1 + i < end) read(begin + 1 + i, ahead[i]);
    }
    wait_for_copies();
  }
  sync_block();
  const auto take = [&](std::int64_t step, WeightPiece<kCodes>& following) {
    const int buffer = static_cast<int>(step - begin) % 2;
    const bool more = step + 1 < end;
    if (more) copy_inputs<kRows>(x, tiles, tile, step + 1, inputs + (1 - buffer) * kInputHalves);
    multiply_step<kRows>(weights + buffer * kWeightHalves, inputs + buffer * kInputHalves, sums);
    if (more) {
      following.write(w, own_place + (1 - buffer) * kWeightHalves);
      if (step + 1 + kAhead < end) read(step + 1 + kAhead, following);
    }
    wait_for_copies();
    sync_block();
  };
  // Pieces take turns instead of moving up: a register can't be moved before it was read.
  for (std::int64_t step = begin; step < end; step += kAhead) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (i == 0 || step + i < end) take(step + i, ahead[i]);
    }
  }
  using Share = WarpShare<kRows>;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  put_fragments(tile, x, tiles, partial, warp / Share::kAlongRows * Share::kOutputTiles,
                warp % Share::kAlongRows * Share::kRowTiles * 8, sums);
}

/// Adds the parts in their order. Grid: (tiles of outputs of all products, rows / 8).
__global__ void __launch_bounds__(kTileThreads)
    add_parts(const __grid_constant__ Products all, HalfRows x, std::int64_t rows, int splits,
              Partial partial) {
  wait_for_previous_kernel();
  const OutputTile tile(all, {}, rows, 8);
  float sum[4] = {};
  for (int s = 0; s < splits; ++s) {
    const float4 part = *partial.at(s, tile.first_row, threadIdx.x);
    sum[0] += part.x;
    sum[1] += part.y;
    sum[2] += part.z;
    sum[3] += part.w;
  }
  const RowTiles in_their_order;
  FragmentOutputs(tile, x, in_their_order, static_cast<int>(threadIdx.x) / kWarp).put(0, sum);
}

inline constexpr int kPlainInputs = 16;

/// The same in float32 throughout, for weights of float32: small ones, such as routers, whose
/// choice must not tip. Grid: (tiles of 64 outputs, tiles of 64 rows).
__global__ void __launch_bounds__(256)
    multiply_plain(WeightsView w, const float* in, std::int64_t stride, std::int64_t rows,
                   RowTiles tiles, Epilogue epilogue) {
  wait_for_previous_kernel();
  __shared__ float weights[kPlainInputs][kPlainTile + 1];
  __shared__ float inputs[kPlainInputs][kPlainTile + 1];
  const RowTile tile(tiles, rows, kPlainTile);
  const std::int64_t first_output = std::int64_t{blockIdx.x} * kPlainTile;
  if (tile.count <= 0) return;
  const auto* all = reinterpret_cast<const float*>(w.low) + tile.slice * w.rows * w.columns;
  const int thread = static_cast<int>(threadIdx.x);
  float sums[4][4] = {};
  for (std::int64_t first = 0; first < w.columns; first += kPlainInputs) {
    for (int i = thread; i < kPlainTile * kPlainInputs; i += 256) {
      const int place = i / kPlainInputs, c = i % kPlainInputs;
      const bool inside = first + c < w.columns;
      const std::int64_t output = first_output + place;
      weights[c][place] = inside && output < w.rows ? all[output * w.columns + first + c] : 0.0f;
      const std::int64_t at = tile.first_row + place;
      float value = 0.0f;
      if (inside && place < tile.count) {
        value = in[(tiles.in_rows ? tiles.in_rows[at] : at) * stride + first + c];
      }
      inputs[c][place] = value;
    }
    sync_block();
#pragma unroll
    for (int c = 0; c < kPlainInputs; ++c) {
#pragma unroll
      for (int o = 0; o < 4; ++o) {
#pragma unroll
        for (int r = 0; r < 4; ++r) {
          sums[o][r] += weights[c][thread % 16 + 16 * o] * inputs[c][thread / 16 + 16 * r];
        }
      }
    }
    sync_block();
  }
#pragma unroll
  for (int o = 0; o < 4; ++o) {
#pragma unroll
    for (int r = 0; r < 4; ++r) {
      const std::int64_t output = first_output + thread % 16 + 16 * o;
      const int place = thread / 16 + 16 * r;
      if (output >= w.rows || place >= tile.count) continue;
      const std::int64_t at = tile.first_row + place;
      epilogue.put(tiles.out_rows ? tiles.out_rows[at] : at, output,
                   epilogue.terms(output, tile.slice), sums[o][r]);
    }
  }
}

}  // namespace linnet::cuda
