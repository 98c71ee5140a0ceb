// CUDA's runtime functions on the emulated device.

#include <cuda_runtime.h>
#include <sys/mman.h>

#include <cstdio>
#include <vector>

#include "device_memory.hpp"
#include "emulation.hpp"

struct EmulatedGraph {
  std::vector<std::function<void()>> kernels;
};

namespace linnet::emulation {
namespace {

bool lost = false;
EmulatedGraph* captured = nullptr;
std::size_t graph_launch_count = 0;

}  // namespace

void run_or_capture(std::function<void()> kernel) {
  if (captured) {
    captured->kernels.push_back(std::move(kernel));
  } else {
    kernel();
  }
}

std::size_t graph_launches() { return graph_launch_count; }

void give_up(const char* what) {
  std::fprintf(stderr, "CUDA emulation: %s\n", what);
  std::abort();
}

Arena& arena() {
  static Arena the_arena;
  return the_arena;
}

bool is_lost() { return lost; }
void set_lost(bool value) { lost = value; }
void set_memory_limit(std::size_t bytes) { arena().set_limit(bytes); }
std::size_t allocated_bytes() { return arena().used(); }

}  // namespace linnet::emulation

using namespace linnet::emulation;

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    default:
      return "invalid argument";
  }
}
cudaError_t cudaGetLastError() { return is_lost() ? cudaErrorLaunchFailure : cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {"emulated device", 9, 0, 2};
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = arena().limit();
  *free = arena().limit() - arena().used();
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  *memory = arena().take(bytes);
  if (!*memory) return cudaErrorMemoryAllocation;
  const Open open;
  std::memset(*memory, 0xff, bytes);  // NaNs: nothing may rely on what is there
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  if (memory) arena().give(memory);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  *memory = std::malloc(bytes);
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind kind, cudaStream_t) {
  if (is_lost()) return cudaErrorLaunchFailure;
  const bool to_device = kind != cudaMemcpyDeviceToHost;
  const bool from_device = kind != cudaMemcpyHostToDevice;
  const Open open;
  for (std::size_t i = 0; i < height; ++i) {
    auto* target = static_cast<std::byte*>(to) + i * to_pitch;
    const auto* source = static_cast<const std::byte*>(from) + i * from_pitch;
    if (to_device ? !arena().holds(target, width) : arena().contains(target)) {
      return cudaErrorInvalidValue;
    }
    if (from_device ? !arena().holds(source, width) : arena().contains(source)) {
      return cudaErrorInvalidValue;
    }
    std::memmove(target, source, width);
  }
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t) {
  if (is_lost()) return cudaErrorLaunchFailure;
  if (!arena().holds(memory, bytes)) return cudaErrorInvalidValue;
  const Open open;
  std::memset(memory, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = nullptr;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return is_lost() ? cudaErrorLaunchFailure : cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = nullptr;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  if (is_lost()) return cudaErrorLaunchFailure;
  captured = new EmulatedGraph;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  *graph = captured;
  captured = nullptr;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  *executable = new EmulatedGraph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t) {
  ++graph_launch_count;
  for (const std::function<void()>& kernel : graph->kernels) kernel();
  return cudaGetLastError();
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}
