// Operations that walk along sequences and keep a state.

#include <algorithm>
#include <array>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/recurrent.cuh"

namespace linnet::cuda {
namespace {

static_assert(sizeof(DeviceRun) == 3 * sizeof(std::int32_t));

DeviceState state_of(StateStore& store, const StatePart& part) {
  const auto& device = static_cast<const DeviceStateStore&>(store);
  return {device.part(part), device.slot_floats()};
}

// Threads a column each for `columns` of each run.
dim3 column_grid(std::int64_t columns, std::size_t runs, unsigned threads) {
  return dim3((static_cast<unsigned>(columns) + threads - 1) / threads,
              static_cast<unsigned>(runs));
}

constexpr unsigned kColumnThreads = 128;

}  // namespace

const DeviceRun* CudaBackend::device_runs(const BatchLayout& batch) {
  find_runs(batch, runs_);
  device_run_list_.clear();
  for (const SequenceRun& run : runs_) {
    device_run_list_.insert(
        device_run_list_.end(),
        {static_cast<std::int32_t>(run.first), static_cast<std::int32_t>(run.last), run.slot});
  }
  return reinterpret_cast<const DeviceRun*>(
      runs_mirror_.of(*stream_, std::span<const std::int32_t>(device_run_list_)));
}

void CudaBackend::convolve(StateStore& store, View in, const ConvolutionParams& params,
                           const BatchLayout& batch, View out) {
  const DeviceRun* runs = device_runs(batch);
  if (!runs) return;
  stream_->launch(convolve_runs, column_grid(in.columns, runs_.size(), kColumnThreads),
                  dim3(kColumnThreads), 0, runs, state_of(store, params.state), in, params,
                  params.activation.has_value(), params.activation.value_or(Activation::kIdentity),
                  out);
}

void CudaBackend::scan(StateStore& store, const ScanInput& in, const ScanParams& params,
                       const BatchLayout& batch, View out) {
  // By ScanRule.
  constexpr std::array kKernels = {scan_runs<ScanRule::kAdd>, scan_runs<ScanRule::kBonus>,
                                   scan_runs<ScanRule::kDelta>, scan_runs<ScanRule::kReplace>};
  const DeviceRun* runs = device_runs(batch);
  if (!runs) return;
  const dim3 grid(static_cast<unsigned>(params.heads), static_cast<unsigned>(runs_.size()));
  const int threads = std::clamp((params.value_width + 31) / 32 * 32, 32, 256);
  stream_->launch(kKernels[static_cast<std::size_t>(params.rule)], grid,
                  dim3(static_cast<unsigned>(threads)), 0, runs, state_of(store, params.state), in,
                  params, out);
}

void CudaBackend::selective_scan(StateStore& store, const SelectiveScanInput& in,
                                 const SelectiveScanParams& params, const BatchLayout& batch,
                                 View out) {
  const DeviceRun* runs = device_runs(batch);
  if (!runs) return;
  stream_->launch(selective_scan_runs, column_grid(in.x.columns, runs_.size(), kColumnThreads),
                  dim3(kColumnThreads), 0, runs, state_of(store, params.state), in, params, out);
}

}  // namespace linnet::cuda
