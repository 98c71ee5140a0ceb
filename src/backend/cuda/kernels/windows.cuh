#pragma once

#include "backend/cuda/kernels/device_runs.cuh"

/// What compressed keys are made of, and several residual streams.
namespace linnet::cuda {

inline constexpr int kPoolThreads = 128;

/// A column of the windows that a sequence's state keeps, out of which a column of a key is made.
struct PoolColumn {
  const PoolParams& params;
  int kept;  ///< PoolParams::kept()
  float* state;
  std::int64_t columns;  ///< of values, and of scores

  __device__ float& value(std::int32_t position, std::int64_t column) const {
    return state[position % kept * 2 * columns + column];
  }
  __device__ float& score(std::int32_t position, std::int64_t column) const {
    return state[(position % kept * 2 + 1) * columns + column];
  }
  __device__ void keep(std::int32_t position, std::int64_t column, float new_value,
                       float new_score) const {
    value(position, column) = new_value;
    score(position, column) =
        new_score + params.offsets[position % params.ratio * columns + column];
  }
  /// visit(value, score) of the tokens that go into column `c` of the window that ends at `last`.
  template <class Visit>
  __device__ void for_each(std::int32_t last, std::int64_t c, Visit visit) const {
    const std::int32_t first = last + 1 - params.ratio;
    for (std::int32_t t = first - params.ratio; params.overlaps && first > 0 && t < first; ++t) {
      visit(value(t, c), score(t, c));
    }
    const std::int64_t own = params.overlaps ? columns / 2 + c : c;
    for (std::int32_t t = first; t <= last; ++t) visit(value(t, own), score(t, own));
  }
  __device__ float pool(std::int32_t last, std::int64_t c) const {
    float largest = -INFINITY, sum = 0.0f, result = 0.0f;
    for_each(last, c, [&](float, float score) { largest = fmaxf(largest, score); });
    for_each(last, c, [&](float value, float score) {
      const float weight = expf(score - largest);
      sum += weight;
      result += weight * value;
    });
    return result / sum;
  }
};

/// Backend::pool_windows, a thread a column of the result. Grid: (columns / kPoolThreads, runs).
__global__ void __launch_bounds__(kPoolThreads)
    pool_runs(const DeviceRun* runs, DeviceState states, const std::int32_t* positions, View values,
              View scores, PoolParams params, int kept, View out) {
  wait_for_previous_kernel();
  const std::int64_t c = std::int64_t{blockIdx.x} * kPoolThreads + threadIdx.x;
  if (c >= out.columns) return;
  const DeviceRun run = runs[blockIdx.y];
  std::int64_t pooled = 0;  // by the runs in front of this one
  for (unsigned i = 0; i < blockIdx.y; ++i) {
    const std::int32_t first = positions[runs[i].first];
    pooled += (first + runs[i].last - runs[i].first) / params.ratio - first / params.ratio;
  }
  const PoolColumn column{params, kept, states.of(run), values.columns};
  for (std::int64_t row = run.first; row < run.last; ++row) {
    const std::int32_t position = positions[row];
    const float *value = values.data + row * values.stride,
                *score = scores.data + row * scores.stride;
    for (std::int64_t own = c; own < values.columns; own += out.columns) {
      column.keep(position, own, value[own], score[own]);
    }
    if ((position + 1) % params.ratio != 0) continue;
    out.data[pooled++ * out.stride + c] = column.pool(position, c);
  }
}

/// What a warp keeps of a mixing matrix: lane l those of the streams l / 8 and l / 8 + 4 that go to
/// stream l % 8. Zeros beyond the streams there are.
struct Mixing {
  static constexpr int kTurns = 2;
  static_assert(kMostStreams == 8 && kTurns * kWarp == kMostStreams * kMostStreams);
  float kept[kTurns];
  int streams;
  float epsilon;

  __device__ static int from(int turn) {
    return static_cast<int>(threadIdx.x) / kMostStreams + turn * kWarp / kMostStreams;
  }
  __device__ static int to() { return static_cast<int>(threadIdx.x) % kMostStreams; }
  __device__ bool is_inside(int turn) const { return from(turn) < streams && to() < streams; }

  __device__ void softmax_rows() {
#pragma unroll
    for (int t = 0; t < kTurns; ++t) {
      float largest = is_inside(t) ? kept[t] : -INFINITY;
      for (int mask = 4; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
      kept[t] = is_inside(t) ? expf(kept[t] - largest) : 0.0f;
      float sum = kept[t];
      for (int mask = 4; mask > 0; mask /= 2) sum += exchange(sum, mask);
      if (is_inside(t)) kept[t] = kept[t] / sum + epsilon;
    }
  }
  __device__ void normalise_rows() {
#pragma unroll
    for (int t = 0; t < kTurns; ++t) {
      float sum = kept[t];
      for (int mask = 4; mask > 0; mask /= 2) sum += exchange(sum, mask);
      if (is_inside(t)) kept[t] /= sum + epsilon;
    }
  }
  __device__ void normalise_columns() {
    float sum = kept[0] + kept[1];
    for (int mask = 16; mask > 4; mask /= 2) sum += exchange(sum, mask);
#pragma unroll
    for (int t = 0; t < kTurns; ++t) {
      if (is_inside(t)) kept[t] /= sum + epsilon;
    }
  }
};

/// Backend::stream_weights, a warp a row.
__global__ void __launch_bounds__(kWarp)
    weigh_streams(View mixes, StreamParams params, View read, View write) {
  wait_for_previous_kernel();
  const int n = params.streams, lane = static_cast<int>(threadIdx.x);
  const float* row = mixes.data + blockIdx.x * mixes.stride;
  const auto mix = [&](int part, int i) {
    return row[part * n + i] * params.scale[part] + params.base[part * n + i];
  };
  if (lane < n) {
    read.data[blockIdx.x * read.stride + lane] = sigmoid(mix(0, lane)) + params.epsilon;
  }
  if (!write.data) return;
  Mixing m{{}, n, params.epsilon};
#pragma unroll
  for (int t = 0; t < Mixing::kTurns; ++t) {
    if (m.is_inside(t)) m.kept[t] = mix(2, m.from(t) * n + m.to());
  }
  m.softmax_rows();
  m.normalise_columns();
  for (int i = 1; i < params.iterations; ++i) {
    m.normalise_rows();
    m.normalise_columns();
  }
  float* to = write.data + blockIdx.x * write.stride;
#pragma unroll
  for (int t = 0; t < Mixing::kTurns; ++t) {
    if (m.is_inside(t)) to[m.to() * (n + 1) + m.from(t)] = m.kept[t];
  }
  if (lane < n) to[lane * (n + 1) + n] = 2.0f * sigmoid(mix(1, lane));
}

/// Backend::mix_streams, a thread a column of all streams of a row. Grid as for_elements.
__global__ void mix_stream_columns(View in, View weights, std::int64_t width, View out) {
  wait_for_previous_kernel();
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= width) return;
  const int from = static_cast<int>(in.columns / width), to = static_cast<int>(out.columns / width);
  for (std::int64_t row = blockIdx.y; row < in.rows; row += gridDim.y) {
    const float* weight = weights.data + row * weights.stride;
    constexpr int kMost = kMostStreams + 1;  // the block's result may be one more
    float streams[kMost];
#pragma unroll
    for (int f = 0; f < kMost; ++f) {
      streams[f] = f < from ? in.data[row * in.stride + f * width + c] : 0.0f;
    }
    for (int t = 0; t < to; ++t) {
      float sum = 0.0f;
#pragma unroll
      for (int f = 0; f < kMost; ++f) {
        if (f < from) sum += weight[t * from + f] * streams[f];
      }
      out.data[row * out.stride + t * width + c] = sum;
    }
  }
}

}  // namespace linnet::cuda
