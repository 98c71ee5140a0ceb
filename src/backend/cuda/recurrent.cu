// Operations that walk along sequences and keep a state.

#include <algorithm>
#include <array>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/delta_chunks.hpp"
#include "backend/cuda/kernels/convolve.cuh"
#include "backend/cuda/kernels/scan.cuh"
#include "backend/cuda/state_of.hpp"

namespace linnet::cuda {
namespace {

static_assert(sizeof(DeviceRun) == 3 * sizeof(std::int32_t));
static_assert(sizeof(ChunkPiece) == 4 * sizeof(std::int32_t));

// Threads a column each for `columns` of each run.
dim3 column_grid(std::int64_t columns, std::size_t runs, unsigned threads, unsigned pieces = 1) {
  return dim3((static_cast<unsigned>(columns) + threads - 1) / threads, static_cast<unsigned>(runs),
              pieces);
}

// The kernels of a rule by the lanes that share a column, so that all keys are in registers.
struct ScanKernel {
  int lanes;
  decltype(&scan_runs<ScanRule::kAdd, 2>) kernel;
};
template <ScanRule kRule>
constexpr std::array kScanKernels = {
    ScanKernel{2, scan_runs<kRule, 2>}, ScanKernel{4, scan_runs<kRule, 4>},
    ScanKernel{8, scan_runs<kRule, 8>}, ScanKernel{kScanLanes, scan_runs<kRule, kScanLanes>}};
// By ScanRule.
constexpr std::array kScanKernelsOf = {kScanKernels<ScanRule::kAdd>, kScanKernels<ScanRule::kBonus>,
                                       kScanKernels<ScanRule::kDelta>,
                                       kScanKernels<ScanRule::kReplace>};

// Of rows in shared memory: what every device has without asking.
constexpr std::int64_t kScanBytes = 48 << 10;

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
  std::int64_t longest = 0;
  for (const SequenceRun& run : runs_) longest = std::max(longest, run.last - run.first);
  const dim3 grid = column_grid(in.columns, runs_.size(), kConvolveThreads,
                                static_cast<unsigned>((longest - 1) / kConvolveRows + 1));
  const DeviceState states = state_of(store, params.state);
  stream_->launch(convolve_runs, grid, dim3(kConvolveThreads), 0, runs, states, in, params,
                  params.activation.has_value(), params.activation.value_or(Activation::kIdentity),
                  out);
  if (grid.z == 1) return;
  stream_->launch(keep_run_inputs, dim3(grid.x, grid.y), dim3(kConvolveThreads), 0, runs, states,
                  in, params.kernel - 1);
}

void CudaBackend::scan(StateStore& store, const ScanInput& in, const ScanParams& params,
                       const BatchLayout& batch, View out) {
  const auto& kernels = kScanKernelsOf[static_cast<std::size_t>(params.rule)];
  const auto fits = [&](const ScanKernel& k) { return k.lanes * kScanKeys >= params.key_width; };
  const auto found = std::ranges::find_if(kernels, fits);
  if (found == kernels.end()) {
    return stream_->fail(Error{"a recurrent state has keys of " + std::to_string(params.key_width) +
                               " columns, more than the CUDA backend scans"});
  }
  const DeviceRun* runs = device_runs(batch);
  if (!runs) return;
  std::size_t count = runs_.size();
  if (in_chunks_ && has_chunks(*stream_, in, params)) {
    chunk_plan_.make(runs_);
    if (!chunk_plan_.launches.empty()) {
      scan_long_runs(store, in, params, out);
      count = chunk_plan_.rest.size() / 3;
      runs = reinterpret_cast<const DeviceRun*>(
          rest_mirror_.of(*stream_, std::span<const std::int32_t>(chunk_plan_.rest)));
      if (!runs) return;
    }
  }
  const int columns = scan_columns(found->lanes);
  const dim3 grid(
      static_cast<unsigned>(params.heads * ((params.value_width + columns - 1) / columns)),
      static_cast<unsigned>(count));
  const std::int64_t row_bytes =
      sizeof(float) * scan_row_floats(found->lanes, in.decay.columns != params.heads,
                                      params.rule == ScanRule::kReplace);
  const std::int64_t rows = std::min<std::int64_t>(kScanRows, kScanBytes / row_bytes);
  stream_->launch(found->kernel, grid, dim3(kScanThreads),
                  static_cast<std::size_t>(rows * row_bytes), runs, state_of(store, params.state),
                  in, params, static_cast<int>(rows), out);
}

// What `chunk_plan_` cut into chunks.
void CudaBackend::scan_long_runs(StateStore& store, const ScanInput& in, const ScanParams& params,
                                 View out) {
  const auto* pieces = reinterpret_cast<const ChunkPiece*>(
      chunk_mirror_.of(*stream_, std::span<const std::int32_t>(chunk_plan_.pieces)));
  int most = 0;
  for (const ChunkLaunch& launch : chunk_plan_.launches) most = std::max(most, launch.chunks);
  auto* prepared = reinterpret_cast<std::uint16_t*>(
      prepared_chunks_.take<std::byte>(*stream_, prepared_bytes(in, params, most)));
  if (!pieces || !prepared) return;
  for (const ChunkLaunch& launch : chunk_plan_.launches) {
    scan_in_chunks(*stream_, pieces, launch, prepared, state_of(store, params.state), in, params,
                   out);
  }
}

void CudaBackend::selective_scan(StateStore& store, const SelectiveScanInput& in,
                                 const SelectiveScanParams& params, const BatchLayout& batch,
                                 View out) {
  constexpr int kFew = 16, kMany = 64;
  const DeviceRun* runs = device_runs(batch);
  if (!runs) return;
  const bool are_few = params.state_width <= kFew;
  const auto kernel = are_few ? selective_scan_runs<kFew> : selective_scan_runs<kMany>;
  for (int first = 0; first < params.state_width; first += are_few ? kFew : kMany) {
    stream_->launch(kernel, column_grid(in.x.columns, runs_.size(), kScanThreads),
                    dim3(kScanThreads), 0, runs, state_of(store, params.state), in, params, first,
                    out);
  }
}

}  // namespace linnet::cuda
