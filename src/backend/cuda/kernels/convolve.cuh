#pragma once

#include "backend/cuda/kernels/device_runs.cuh"

namespace linnet::cuda {

inline constexpr int kConvolveThreads = 128;
/// Rows of a run that a thread takes; the longer ones are cut.
inline constexpr int kConvolveRows = 32;

/// The inputs of one column of a run and, before its first row, of its state.
struct RunInputs {
  const View& in;
  const float* state;
  std::int64_t column, before_first;  ///< row 0 of the state is this row

  __device__ RunInputs(const View& rows, const DeviceRun& run, const float* of_state, int past,
                       std::int64_t c)
      : in(rows), state(of_state), column(c), before_first(std::int64_t{run.first} - past) {}
  __device__ float at(std::int64_t row, const DeviceRun& run) const {
    return row >= run.first ? in.data[row * in.stride + column]
                            : state[(row - before_first) * in.columns + column];
  }
};

/// The last inputs of a run become its state, from the oldest on, so that none is overwritten too
/// early.
__device__ inline void keep_inputs(const RunInputs& inputs, const DeviceRun& run, int past,
                                   float* state) {
  for (int i = 0; i < past; ++i) {
    state[i * inputs.in.columns + inputs.column] = inputs.at(run.last - past + i, run);
  }
}

/// A thread a column of kConvolveRows rows. Grid: (columns, runs, pieces of the longest run). The
/// state is kept here where there is one piece.
__global__ void __launch_bounds__(kConvolveThreads)
    convolve_runs(const DeviceRun* runs, DeviceState states, View in, ConvolutionParams params,
                  bool activated, Activation activation, View out) {
  wait_for_previous_kernel();
  const std::int64_t c = std::int64_t{blockIdx.x} * kConvolveThreads + threadIdx.x;
  if (c >= in.columns) return;
  const DeviceRun run = runs[blockIdx.y];
  float* state = states.of(run);
  const int past = params.kernel - 1;
  const RunInputs inputs(in, run, state, past, c);
  const std::int64_t first = run.first + std::int64_t{blockIdx.z} * kConvolveRows;
  const std::int64_t last = first + kConvolveRows < run.last ? first + kConvolveRows : run.last;
  for (std::int64_t r = first; r < last; ++r) {
    float sum = params.bias ? params.bias[c] : 0.0f;
    for (int i = 0; i <= past; ++i) {
      sum += params.weight[i * in.columns + c] * inputs.at(r - past + i, run);
    }
    out.data[r * out.stride + c] = activated ? activate(activation, sum) : sum;
  }
  if (gridDim.z == 1) keep_inputs(inputs, run, past, state);
}

/// Behind convolve_runs where there are several pieces. Grid: (columns, runs).
__global__ void __launch_bounds__(kConvolveThreads)
    keep_run_inputs(const DeviceRun* runs, DeviceState states, View in, int past) {
  wait_for_previous_kernel();
  const std::int64_t c = std::int64_t{blockIdx.x} * kConvolveThreads + threadIdx.x;
  if (c >= in.columns) return;
  const DeviceRun run = runs[blockIdx.y];
  float* state = states.of(run);
  keep_inputs(RunInputs(in, run, state, past, c), run, past, state);
}

}  // namespace linnet::cuda
