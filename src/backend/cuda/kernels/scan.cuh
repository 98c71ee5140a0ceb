#pragma once

#include <array>

#include "backend/cuda/kernels/device_runs.cuh"

namespace linnet::cuda {

/// Threads of a block that scans, and keys of a column of the state that each has in registers.
inline constexpr int kScanThreads = 128;
inline constexpr int kScanKeys = 32;
/// Rows that are brought to shared memory at a time, at most.
inline constexpr int kScanRows = 16;
/// Lanes that share a column at most, and so the widest key.
inline constexpr int kScanLanes = 32;

/// Columns of the values that a thread block takes.
constexpr int scan_columns(int lanes) { return kScanThreads / lanes; }

/// Floats that a row takes in shared memory: query, key, decays, what is removed and added; values,
/// gain and decay of all keys.
constexpr std::int64_t scan_row_floats(int lanes, bool own_decays, bool replaces) {
  return std::int64_t{lanes} * kScanKeys * (2 + (own_decays ? 1 : 0) + (replaces ? 2 : 0)) +
         scan_columns(lanes) + 2;
}

/// The rows of a run in shared memory, some at a time, because from there a row costs no waiting:
/// of what has keys [rows][kWidth], zeros beyond them.
template <ScanRule kRule, int kLanes>
struct ScanRows {
  static constexpr int kWidth = kLanes * kScanKeys, kColumns = scan_columns(kLanes);
  float *query, *key, *decay = nullptr, *remove = nullptr, *add = nullptr;
  float* value;             ///< [rows][kColumns]
  float *gain, *one_decay;  ///< [rows]; the second where all keys of a head share one

  __device__ ScanRows(float* memory, int rows, bool own_decays)
      : query(memory), key(memory + rows * kWidth) {
    memory += 2 * rows * kWidth;
    if (own_decays) {
      decay = memory;
      memory += rows * kWidth;
    }
    if constexpr (kRule == ScanRule::kReplace) {
      remove = memory;
      add = memory + rows * kWidth;
      memory += 2 * rows * kWidth;
    }
    value = memory;
    gain = value + rows * kColumns;
    one_decay = gain + rows;
  }

  __device__ static void bring(const View& from, std::int64_t first, int count, int column,
                               int width, float* to) {
    for (int i = static_cast<int>(threadIdx.x); i < count * kWidth; i += kScanThreads) {
      const int k = i % kWidth;
      to[i] = k < width ? from.data[(first + i / kWidth) * from.stride + column + k] : 0.0f;
    }
  }
  /// The values from column `column` on, up to the `values` of a head.
  __device__ void bring_values(const ScanInput& in, std::int64_t first, int count, int head,
                               int column, int values) const {
    const int thread = static_cast<int>(threadIdx.x);
    for (int i = thread; i < count * kColumns; i += kScanThreads) {
      const int v = column + i % kColumns;
      const std::int64_t at = (first + i / kColumns) * in.value.stride + head * values + v;
      value[i] = v < values ? in.value.data[at] : 0.0f;
    }
    if (thread >= count) return;
    const std::int64_t row = first + thread;
    gain[thread] = in.gain.data ? in.gain.data[row * in.gain.stride + head] : 1.0f;
    if (!decay) one_decay[thread] = in.decay.data[row * in.decay.stride + head];
  }
  __device__ void bring_keys(const ScanInput& in, std::int64_t first, int count, int key_head,
                             int head, int width) const {
    bring(in.query, first, count, key_head * width, width, query);
    bring(in.key, first, count, key_head * width, width, key);
    if (decay) bring(in.decay, first, count, head * width, width, decay);
    if constexpr (kRule == ScanRule::kReplace) {
      bring(in.remove, first, count, head * width, width, remove);
      bring(in.add, first, count, head * width, width, add);
    }
  }
};

/// The keys of a column that a lane has: four in a row of every 4 * kLanes.
template <int kLanes>
struct OwnKeys {
  int lane;

  __device__ int key(int i) const { return (i / 4 * kLanes + lane) * 4 + i % 4; }
  /// Keys 4 * quad to 4 * quad + 3 of the lane.
  __device__ float4 read(const float* row, int quad) const {
    return reinterpret_cast<const float4*>(row)[quad * kLanes + lane];
  }
  /// The sum over the lanes of a column.
  __device__ static float add_up(float value) {
#pragma unroll
    for (int mask = kLanes / 2; mask > 0; mask /= 2) value += exchange(value, mask);
    return value;
  }
};

/// Takes a column of the state, of which a lane has `state`, on by one row; gives the output before
/// scale and skip.
template <ScanRule kRule, int kLanes>
__device__ inline float scan_row(const ScanRows<kRule, kLanes>& rows, int row,
                                 const OwnKeys<kLanes>& own, float value,
                                 const float (&bonus)[kScanKeys], float (&state)[kScanKeys]) {
  constexpr int kWidth = kLanes * kScanKeys, kQuads = kScanKeys / 4;
  const float gain = rows.gain[row], decay = rows.decay ? 0.0f : rows.one_decay[row];
  const auto quad_of = [&](const float* from, int quad) {
    const float4 four = own.read(from + row * kWidth, quad);
    return std::array<float, 4>{four.x, four.y, four.z, four.w};
  };
  const auto decays_of = [&](int quad) {
    return rows.decay ? quad_of(rows.decay, quad)
                      : std::array<float, 4>{decay, decay, decay, decay};
  };
  float column = value, known = 0.0f;
  if constexpr (kRule == ScanRule::kAdd) column = value * gain;
  if constexpr (kRule == ScanRule::kDelta || kRule == ScanRule::kReplace) {
    float parts[4] = {};
#pragma unroll
    for (int quad = 0; quad < kQuads; ++quad) {
      const auto with = quad_of(kRule == ScanRule::kDelta ? rows.key : rows.remove, quad);
      const auto decays = decays_of(quad);
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const float s = state[4 * quad + c];
        parts[c] += (kRule == ScanRule::kDelta ? decays[c] * s : s) * with[c];
      }
    }
    known = own.add_up((parts[0] + parts[1]) + (parts[2] + parts[3]));
    if constexpr (kRule == ScanRule::kDelta) column = gain * (value - known);
  }
  float sums[4] = {};
#pragma unroll
  for (int quad = 0; quad < kQuads; ++quad) {
    const auto keys = quad_of(rows.key, quad), queries = quad_of(rows.query, quad);
    const auto decays = decays_of(quad);
    std::array<float, 4> adds{};
    if constexpr (kRule == ScanRule::kReplace) adds = quad_of(rows.add, quad);
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      float& s = state[4 * quad + c];
      const float outer = keys[c] * column, before = s;
      s = decays[c] * before + outer;
      if constexpr (kRule == ScanRule::kReplace) s -= adds[c] * known;
      if constexpr (kRule == ScanRule::kBonus) {
        sums[c] += (before + bonus[4 * quad + c] * outer) * queries[c];
      } else {
        sums[c] += s * queries[c];
      }
    }
  }
  return own.add_up((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/// The state [key_width][value_width] of a head goes through a run in registers: kLanes lanes share
/// a column. Grid: (heads * pieces of scan_columns(kLanes) columns, runs); launch memory: `rows`
/// times scan_row_floats.
template <ScanRule kRule, int kLanes>
__global__ void __launch_bounds__(kScanThreads)
    scan_runs(const DeviceRun* runs, DeviceState states, ScanInput in, ScanParams p, int rows,
              View out) {
  wait_for_previous_kernel();
  constexpr int kColumns = scan_columns(kLanes);
  const DeviceRun run = runs[blockIdx.y];
  const int keys = p.key_width, values = p.value_width, pieces = (values + kColumns - 1) / kColumns;
  const int h = static_cast<int>(blockIdx.x) / pieces, thread = static_cast<int>(threadIdx.x);
  const int first_column = static_cast<int>(blockIdx.x) % pieces * kColumns;
  const int own_column = thread / kLanes, v = first_column + own_column;
  const int key_head =
      p.sharing == KeySharing::kCyclic ? h % p.key_heads : h * p.key_heads / p.heads;
  const bool inside = v < values;
  const OwnKeys<kLanes> own{thread % kLanes};
  const ScanRows<kRule, kLanes> shared(reinterpret_cast<float*>(launch_memory()), rows,
                                       in.decay.columns != p.heads);
  float* first_state = states.of(run) + std::int64_t{h} * keys * values + v;
  float state[kScanKeys], bonus[kScanKeys] = {};
#pragma unroll
  for (int i = 0; i < kScanKeys; ++i) {
    const int key = own.key(i);
    state[i] = inside && key < keys ? first_state[std::int64_t{key} * values] : 0.0f;
    if constexpr (kRule == ScanRule::kBonus) bonus[i] = key < keys ? p.bonus[h * keys + key] : 0.0f;
  }
  const float skip = p.skip ? p.skip[h] : 0.0f;
  for (std::int64_t first = run.first; first < run.last; first += rows) {
    const int count = run.last - first < rows ? static_cast<int>(run.last - first) : rows;
    sync_block();  // the rows before were read
    shared.bring_keys(in, first, count, key_head, h, keys);
    shared.bring_values(in, first, count, h, first_column, values);
    sync_block();
    for (int i = 0; i < count; ++i) {
      const std::int64_t r = first + i;
      const float value = shared.value[i * kColumns + own_column];
      const float sum = scan_row<kRule, kLanes>(shared, i, own, value, bonus, state);
      const float skipped = p.skip ? skip * value : 0.0f;
      if (inside && own.lane == 0) {
        out.data[r * out.stride + h * values + v] = sum * p.scale + skipped;
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kScanKeys; ++i) {
    const int key = own.key(i);
    if (inside && key < keys) first_state[std::int64_t{key} * values] = state[i];
  }
}

/// Rows whose inputs are read at once.
inline constexpr int kSelectiveRows = 8;

/// A thread a channel of the state [state_width][channels], kStates of whose states from
/// `first_state` on it has in registers; what those give is added to what the ones before gave.
/// Grid: (channels, runs).
template <int kStates>
__global__ void __launch_bounds__(kScanThreads)
    selective_scan_runs(const DeviceRun* runs, DeviceState states, SelectiveScanInput in,
                        SelectiveScanParams p, int first_state, View out) {
  wait_for_previous_kernel();
  __shared__ float inputs[kSelectiveRows][kStates], outputs[kSelectiveRows][kStates];
  const std::int64_t channels = in.x.columns;
  const std::int64_t c = std::int64_t{blockIdx.x} * kScanThreads + threadIdx.x;
  const bool inside = c < channels;
  const DeviceRun run = runs[blockIdx.y];
  const int own_states = p.state_width - first_state;  // perhaps more than kStates
  const std::int64_t first_place = first_state * channels + c;
  float* own = states.of(run) + first_place;
  float state[kStates], rate[kStates];
#pragma unroll
  for (int n = 0; n < kStates; ++n) {
    const bool is_state = inside && n < own_states;
    state[n] = is_state ? own[n * channels] : 0.0f;
    rate[n] = is_state ? p.rate[first_place + n * channels] : 0.0f;
  }
  for (std::int64_t first = run.first; first < run.last; first += kSelectiveRows) {
    sync_block();  // the rows before were read
    for (int i = static_cast<int>(threadIdx.x); i < kSelectiveRows * kStates; i += kScanThreads) {
      const std::int64_t r = first + i / kStates;
      const int n = i % kStates;
      const bool is_there = r < run.last && n < own_states;
      const int at = first_state + n;
      inputs[i / kStates][n] = is_there ? in.input.data[r * in.input.stride + at] : 0.0f;
      outputs[i / kStates][n] = is_there ? in.output.data[r * in.output.stride + at] : 0.0f;
    }
    float xs[kSelectiveRows], steps[kSelectiveRows];
#pragma unroll
    for (int i = 0; i < kSelectiveRows; ++i) {
      const bool is_there = inside && first + i < run.last;
      xs[i] = is_there ? in.x.data[(first + i) * in.x.stride + c] : 0.0f;
      steps[i] = is_there ? in.step.data[(first + i) * in.step.stride + c] : 0.0f;
    }
    sync_block();
#pragma unroll
    for (int i = 0; i < kSelectiveRows; ++i) {
      if (!inside || first + i >= run.last) break;
      const float step = softplus(steps[i]);
      float sum = 0.0f;
#pragma unroll
      for (int n = 0; n < kStates; ++n) {
        state[n] = expf(step * rate[n]) * state[n] + step * xs[i] * inputs[i][n];
        sum += state[n] * outputs[i][n];
      }
      float* to = out.data + (first + i) * out.stride + c;
      *to = sum + (first_state > 0 ? *to : p.skip[c] * xs[i]);
    }
  }
#pragma unroll
  for (int n = 0; n < kStates; ++n) {
    if (inside && n < own_states) own[n * channels] = state[n];
  }
}

}  // namespace linnet::cuda
