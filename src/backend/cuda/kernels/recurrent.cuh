#pragma once

#include "backend/cuda/kernels/activate.cuh"

namespace linnet::cuda {

/// The rows [first, last) of one sequence of a batch, and the slot of its state.
struct DeviceRun {
  std::int32_t first, last, slot;
};

/// The state of a layer's part in every slot.
struct DeviceState {
  float* first = nullptr;  ///< of slot 0
  std::int64_t slot_floats = 0;

  __device__ float* of(const DeviceRun& run) const { return first + run.slot * slot_floats; }
};

/// A thread a column. Grid: (columns, runs).
__global__ void convolve_runs(const DeviceRun* runs, DeviceState states, View in,
                              ConvolutionParams params, bool activated, Activation activation,
                              View out) {
  wait_for_previous_kernel();
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= in.columns) return;
  const DeviceRun run = runs[blockIdx.y];
  float* state = states.of(run);
  const int past = params.kernel - 1;
  const auto input = [&](std::int64_t row) {
    return row >= run.first ? in.data[row * in.stride + c]
                            : state[(past + row - run.first) * in.columns + c];
  };
  for (std::int64_t r = run.first; r < run.last; ++r) {
    float sum = params.bias ? params.bias[c] : 0.0f;
    for (int i = 0; i <= past; ++i) sum += params.weight[i * in.columns + c] * input(r - past + i);
    out.data[r * out.stride + c] = activated ? activate(activation, sum) : sum;
  }
  for (int i = 0; i < past; ++i) {  // from the oldest on, so that none is overwritten too early
    state[i * in.columns + c] = input(run.last - past + i);
  }
}

/// A thread a column of the state [key_width][value_width] of one head. Grid: (heads, runs).
template <ScanRule kRule>
__global__ void scan_runs(const DeviceRun* runs, DeviceState states, ScanInput in, ScanParams p,
                          View out) {
  wait_for_previous_kernel();
  const DeviceRun run = runs[blockIdx.y];
  const int h = static_cast<int>(blockIdx.x), keys = p.key_width, values = p.value_width;
  const int key_head =
      p.sharing == KeySharing::kCyclic ? h % p.key_heads : h * p.key_heads / p.heads;
  const bool own_decays = in.decay.columns != p.heads;
  for (int v = static_cast<int>(threadIdx.x); v < values; v += static_cast<int>(blockDim.x)) {
    float* state = states.of(run) + std::int64_t{h} * keys * values + v;
    for (std::int64_t r = run.first; r < run.last; ++r) {
      const float* query = in.query.data + r * in.query.stride + key_head * keys;
      const float* key = in.key.data + r * in.key.stride + key_head * keys;
      const float* decay = in.decay.data + r * in.decay.stride + (own_decays ? h * keys : h);
      const int step = own_decays ? 1 : 0;
      const float value = in.value.data[r * in.value.stride + h * values + v];
      const float gain = in.gain.data ? in.gain.data[r * in.gain.stride + h] : 1.0f;
      float sum = 0.0f, known = 0.0f, column = value;
      if constexpr (kRule == ScanRule::kAdd) column = value * gain;
      if constexpr (kRule == ScanRule::kDelta) {
        for (int k = 0; k < keys; ++k) known += decay[k * step] * state[k * values] * key[k];
        column = gain * (value - known);
      }
      const float *remove = nullptr, *add = nullptr;
      if constexpr (kRule == ScanRule::kReplace) {
        remove = in.remove.data + r * in.remove.stride + h * keys;
        add = in.add.data + r * in.add.stride + h * keys;
        for (int k = 0; k < keys; ++k) known += state[k * values] * remove[k];
      }
      for (int k = 0; k < keys; ++k) {
        float& s = state[k * values];
        if constexpr (kRule == ScanRule::kBonus) {
          const float outer = key[k] * column;
          sum += (s + p.bonus[h * keys + k] * outer) * query[k];
          s = decay[k * step] * s + outer;
        } else {
          float next = decay[k * step] * s + key[k] * column;
          if constexpr (kRule == ScanRule::kReplace) next -= add[k] * known;
          s = next;
          sum += next * query[k];
        }
      }
      const float skipped = p.skip ? p.skip[h] * value : 0.0f;
      out.data[r * out.stride + h * values + v] = sum * p.scale + skipped;
    }
  }
}

/// A thread a channel of the state [state_width][channels]. Grid: (channels, runs).
__global__ void selective_scan_runs(const DeviceRun* runs, DeviceState states,
                                    SelectiveScanInput in, SelectiveScanParams p, View out) {
  wait_for_previous_kernel();
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x,
                     channels = in.x.columns;
  if (c >= channels) return;
  const DeviceRun run = runs[blockIdx.y];
  float* state = states.of(run);
  for (std::int64_t r = run.first; r < run.last; ++r) {
    const float x = in.x.data[r * in.x.stride + c];
    const float step = activate(Activation::kSoftplus, in.step.data[r * in.step.stride + c]);
    const float* input = in.input.data + r * in.input.stride;
    const float* output = in.output.data + r * in.output.stride;
    float sum = 0.0f;
    for (int n = 0; n < p.state_width; ++n) {
      float& s = state[n * channels + c];
      s = expf(step * p.rate[n * channels + c]) * s + step * x * input[n];
      sum += s * output[n];
    }
    out.data[r * out.stride + c] = sum + p.skip[c] * x;
  }
}

}  // namespace linnet::cuda
