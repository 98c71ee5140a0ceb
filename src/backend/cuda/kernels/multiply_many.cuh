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

/// kRows rows on their way to shared memory, kPlainInputs numbers of each at a time: a thread
/// brings one column of some rows.
template <int kRows>
struct PlainRows {
  static constexpr int kApart = kPlainThreads / kPlainInputs, kEach = kRows / kApart;
  /// Rows in shared memory begin at a multiple of 16 bytes.
  using Memory = float[kPlainInputs][kRows + 4];
  const float* rows[kEach];  ///< null: there is none
  float values[kEach];

  __device__ static int column() { return static_cast<int>(threadIdx.x) % kPlainInputs; }
  __device__ static int place(int i) {
    return static_cast<int>(threadIdx.x) / kPlainInputs + i * kApart;
  }
  __device__ void read(std::int64_t first, std::int64_t columns) {
    const std::int64_t c = first + column();
#pragma unroll
    for (int i = 0; i < kEach; ++i) values[i] = rows[i] && c < columns ? rows[i][c] : 0.0f;
  }
  __device__ void put(Memory& to) const {
#pragma unroll
    for (int i = 0; i < kEach; ++i) to[column()][place(i)] = values[i];
  }
};

/// The same in float32 throughout, for weights of float32: small ones, such as routers, whose
/// choice must not tip. Grid: (tiles of kPlainOutputs outputs, tiles of kPlainRows rows).
__global__ void __launch_bounds__(kPlainThreads)
    multiply_plain(WeightsView w, const float* in, std::int64_t stride, std::int64_t rows,
                   RowTiles tiles, Epilogue epilogue) {
  wait_for_previous_kernel();
  using Weights = PlainRows<kPlainOutputs>;
  using Inputs = PlainRows<kPlainRows>;
  alignas(16) __shared__ Weights::Memory weights_of;
  alignas(16) __shared__ Inputs::Memory inputs_of;
  const RowTile tile(tiles, rows, kPlainRows);
  if (tile.count <= 0) return;
  const std::int64_t first_output = std::int64_t{blockIdx.x} * kPlainOutputs;
  const auto* all = reinterpret_cast<const float*>(w.low) + tile.slice * w.rows * w.columns;
  Weights weights;
  Inputs inputs;
#pragma unroll
  for (int i = 0; i < Weights::kEach; ++i) {
    const std::int64_t output = first_output + weights.place(i);
    weights.rows[i] = output < w.rows ? all + output * w.columns : nullptr;
  }
#pragma unroll
  for (int i = 0; i < Inputs::kEach; ++i) {
    const std::int64_t at = tile.first_row + inputs.place(i);
    inputs.rows[i] = nullptr;
    if (inputs.place(i) >= tile.count) continue;
    inputs.rows[i] = in + (tiles.in_rows ? tiles.in_rows[at] : at) * stride;
  }
  weights.read(0, w.columns);
  inputs.read(0, w.columns);
  // Four outputs and four rows side by side.
  const int own_output = static_cast<int>(threadIdx.x) % (kPlainOutputs / 4) * 4;
  const int own_row = static_cast<int>(threadIdx.x) / (kPlainOutputs / 4) * 4;
  float sums[4][4] = {};
  for (std::int64_t first = 0; first < w.columns; first += kPlainInputs) {
    sync_block();  // those before were read
    weights.put(weights_of);
    inputs.put(inputs_of);
    sync_block();
    // On their way while these are multiplied.
    weights.read(first + kPlainInputs, w.columns);
    inputs.read(first + kPlainInputs, w.columns);
#pragma unroll
    for (int c = 0; c < kPlainInputs; ++c) {
      const float4 w4 = *reinterpret_cast<const float4*>(&weights_of[c][own_output]);
      const float4 x4 = *reinterpret_cast<const float4*>(&inputs_of[c][own_row]);
      const float of_outputs[4] = {w4.x, w4.y, w4.z, w4.w}, of_rows[4] = {x4.x, x4.y, x4.z, x4.w};
#pragma unroll
      for (int o = 0; o < 4; ++o) {
#pragma unroll
        for (int r = 0; r < 4; ++r) sums[o][r] += of_outputs[o] * of_rows[r];
      }
    }
  }
#pragma unroll
  for (int o = 0; o < 4; ++o) {
#pragma unroll
    for (int r = 0; r < 4; ++r) {
      const std::int64_t output = first_output + own_output + o;
      if (output >= w.rows || own_row + r >= tile.count) continue;
      const std::int64_t at = tile.first_row + own_row + r;
      epilogue.put(tiles.out_rows ? tiles.out_rows[at] : at, output,
                   epilogue.terms(output, tile.slice), sums[o][r]);
    }
  }
}

}  // namespace linnet::cuda
