#include <algorithm>
#include <iterator>
#include <utility>

#include "backend/cuda/launch_queue.hpp"

namespace linnet::cuda {
namespace {

bool same(dim3 a, dim3 b) { return a.x == b.x && a.y == b.y && a.z == b.z; }

}  // namespace

bool LaunchQueue::Launch::operator==(const Launch& other) const {
  return kernel == other.kernel && same(grid, other.grid) && same(block, other.block) &&
         shared_bytes == other.shared_bytes && first_argument == other.first_argument;
}

void LaunchQueue::Batch::clear() {
  launches.clear();
  arguments.clear();
}

cudaError_t LaunchQueue::send_each(const Batch& batch, cudaStream_t stream) {
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = begins_early_ ? 1 : 0;
  for (const Launch& launch : batch.launches) {
    config.gridDim = launch.grid;
    config.blockDim = launch.block;
    config.dynamicSmemBytes = launch.shared_bytes;
    const std::byte* arguments = batch.arguments.data() + launch.first_argument;
    const cudaError_t error = launch.send(launch.kernel, arguments, config);
    if (error != cudaSuccess) {
      cudaFuncGetName(&failed_, reinterpret_cast<const void*>(launch.kernel));
      return error;
    }
  }
  return cudaSuccess;
}

// Null where the device can't.
LaunchQueue::Graph LaunchQueue::capture(const Batch& batch, cudaStream_t stream) {
  if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) return {};
  const cudaError_t sent = send_each(batch, stream);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  if (cudaStreamEndCapture(stream, &graph) == cudaSuccess && sent == cudaSuccess) {
    if (cudaGraphInstantiate(&executable, graph, 0) != cudaSuccess) executable = nullptr;
  }
  if (graph) cudaGraphDestroy(graph);
  return Graph(executable);
}

// What waits becomes the latest that is known at its place; what came there the longest ago is
// forgotten for it, unless it is known already.
LaunchQueue::Known& LaunchQueue::know_waiting() {
  if (next_ == known_.size()) known_.emplace_back();
  std::vector<Known>& all = known_[next_++];
  auto found = std::ranges::find(all, waiting_, &Known::batch);
  if (found == all.end()) {
    if (all.size() < kVariants) all.emplace_back();
    found = std::prev(all.end());
    std::swap(found->batch, waiting_);
    found->graph.reset();
    found->times = 0;
  }
  ++found->times;
  std::rotate(all.begin(), found, std::next(found));
  return all.front();
}

cudaError_t LaunchQueue::send(cudaStream_t stream) {
  const bool alone =
      !uses_graphs_ || waiting_.launches.size() < kWorthAGraph || next_ == kMostKnown;
  if (alone) {
    const cudaError_t error = send_each(waiting_, stream);
    waiting_.clear();
    return error;
  }
  Known& known = know_waiting();
  if (known.times > 1 && !known.graph) {
    known.graph = capture(known.batch, stream);
    if (!known.graph) {
      cudaGetLastError();  // else the next launch would report it
      uses_graphs_ = false;
    }
  }
  waiting_.clear();
  return known.graph ? cudaGraphLaunch(known.graph.get(), stream) : send_each(known.batch, stream);
}

}  // namespace linnet::cuda
