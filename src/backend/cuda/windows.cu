// Compressed keys and several residual streams.

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/windows.cuh"
#include "backend/cuda/state_of.hpp"

namespace linnet::cuda {

void CudaBackend::pool_windows(StateStore& store, View values, View scores,
                               const PoolParams& params, const BatchLayout& batch, View out) {
  const DeviceRun* runs = device_runs(batch);
  const std::int32_t* positions = positions_.of(*stream_, batch.positions);
  if (!runs || !positions) return;
  const dim3 grid(static_cast<unsigned>((out.columns + kPoolThreads - 1) / kPoolThreads),
                  static_cast<unsigned>(runs_.size()));
  stream_->launch(pool_runs, grid, dim3(kPoolThreads), 0, runs, state_of(store, params.state),
                  positions, values, scores, params, params.kept(), out);
}

void CudaBackend::stream_weights(View mixes, const StreamParams& params, View read, View write) {
  stream_->launch(weigh_streams, dim3(static_cast<unsigned>(mixes.rows)), dim3(kWarp), 0, mixes,
                  params, read, write);
}

void CudaBackend::mix_streams(View in, View weights, std::int64_t width, View out) {
  constexpr unsigned kThreads = 256;
  const dim3 grid(static_cast<unsigned>((width + kThreads - 1) / kThreads), grid_rows(in.rows));
  stream_->launch(mix_stream_columns, grid, dim3(kThreads), 0, in, weights, width, out);
}

}  // namespace linnet::cuda
