#include <algorithm>

#include "backend/cpu/cpu_backend.hpp"
#include "backend/host_state_store.hpp"

namespace linnet::cpu {
namespace {

constexpr std::int64_t kConvolutionColumns = 256;  // of a task
constexpr std::int64_t kScanChannels = 16;         // of a task: the lanes of a register

HostStateStore& host(StateStore& store) { return static_cast<HostStateStore&>(store); }

}  // namespace

Result<std::unique_ptr<StateStore>> CpuBackend::make_state_store(const StateShape& shape) {
  return HostStateStore::make(shape);
}

// Calls body(run, part) for all sequences of the batch and all `parts`.
template <class Body>
void CpuBackend::for_runs(const BatchLayout& batch, std::int64_t parts, Body&& body) {
  find_runs(batch, runs_);
  pool_.parallel_for(static_cast<std::int64_t>(runs_.size()) * parts, [&](std::int64_t task) {
    body(runs_[static_cast<std::size_t>(task / parts)], task % parts);
  });
}

void CpuBackend::convolve(StateStore& store, View in, const ConvolutionParams& params,
                          const BatchLayout& batch, View out) {
  const std::int64_t parts = (in.columns + kConvolutionColumns - 1) / kConvolutionColumns;
  for_runs(batch, parts, [&](const SequenceRun& run, std::int64_t part) {
    const std::int64_t first = part * kConvolutionColumns;
    kernels_.convolve(in, params,
                      {run, first, std::min(in.columns, first + kConvolutionColumns),
                       host(store).at(params.state, run.slot)},
                      out);
  });
}

void CpuBackend::scan(StateStore& store, const ScanInput& in, const ScanParams& params,
                      const BatchLayout& batch, View out) {
  const std::int64_t head_floats = std::int64_t{params.key_width} * params.value_width;
  for_runs(batch, params.heads, [&](const SequenceRun& run, std::int64_t head) {
    float* state = host(store).at(params.state, run.slot) + head * head_floats;
    kernels_.scan(in, params, {run, head, head + 1, state}, out);
  });
}

void CpuBackend::selective_scan(StateStore& store, const SelectiveScanInput& in,
                                const SelectiveScanParams& params, const BatchLayout& batch,
                                View out) {
  const std::int64_t channels = in.x.columns;
  const std::int64_t parts = (channels + kScanChannels - 1) / kScanChannels;
  for_runs(batch, parts, [&](const SequenceRun& run, std::int64_t part) {
    const std::int64_t first = part * kScanChannels;
    float* state = host(store).at(params.state, run.slot) + first * params.state_width;
    kernels_.selective_scan(in, params,
                            {run, first, std::min(channels, first + kScanChannels), state}, out);
  });
}

void CpuBackend::decay(View x, const DecayParams& params, View out) {
  for_rows(x.rows, x.columns * 8,
           [&](std::int64_t r) { kernels_.decay_row(x.row(r), x.columns, params, out.row(r)); });
}

void CpuBackend::mix_shifted(View x, View shift, const float* weight, View mix, View out) {
  for_rows(x.rows, x.columns, [&](std::int64_t r) {
    const float *from = x.row(r), *shifted = shift.row(r), *mixed = mix.data ? mix.row(r) : nullptr;
    float* const to = out.row(r);
    if (!mixed) {  // a loop of its own, which compilers vectorise
      for (std::int64_t c = 0; c < x.columns; ++c) to[c] = from[c] + shifted[c] * weight[c];
      return;
    }
    for (std::int64_t c = 0; c < x.columns; ++c) {
      to[c] = from[c] + shifted[c] * ((weight ? weight[c] : 0.0f) + mixed[c]);
    }
  });
}

void CpuBackend::dot_heads(View a, View b, const float* weight, View out) {
  const std::int64_t width = a.columns / out.columns;
  for_rows(a.rows, a.columns, [&](std::int64_t r) {
    for (std::int64_t h = 0; h < out.columns; ++h) {
      float sum = 0.0f;
      for (std::int64_t c = h * width; c < (h + 1) * width; ++c) {
        sum += a.row(r)[c] * b.row(r)[c] * weight[c];
      }
      out.row(r)[h] = sum;
    }
  });
}

}  // namespace linnet::cpu
