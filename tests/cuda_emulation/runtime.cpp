// CUDA's runtime functions on the emulated device.

#include <cuda_runtime.h>
#include <cxxabi.h>
#include <sys/mman.h>

#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "device_memory.hpp"
#include "emulation.hpp"
#include "ptx/symbols.hpp"

struct EmulatedGraph {
  std::vector<linnet::emulation::Launch> launches;
};

namespace linnet::emulation {
namespace {

bool lost = false;
int driver = CUDART_VERSION;
std::size_t most_shared_bytes = 232448;
bool hopper = std::getenv("CUDA_EMULATION_AMPERE") == nullptr;
EmulatedGraph* captured = nullptr;
std::size_t graph_launch_count = 0;
std::vector<const void*> launched;                   // kernels
std::map<const void*, std::size_t> shared_bytes_of;  // kernels that are allowed more than others

// Kernels of which each but the first may begin before the one in front of it has run.
std::vector<Launch> waiting;
constexpr std::size_t kMostWaiting = 4;

std::map<const std::byte*, std::size_t> page_locked;  // bytes by where they begin
// The stream from the first copy out of page-locked memory on: a card makes it when it comes to it,
// so what the host does to that memory before it waits may be seen.
std::deque<std::function<void()>> late;

bool is_page_locked(const void* memory) {
  const auto* at = static_cast<const std::byte*>(memory);
  const auto behind = page_locked.upper_bound(at);
  return behind != page_locked.begin() && at < std::prev(behind)->first + std::prev(behind)->second;
}

// Calls that a card refuses while a graph is captured, and that spoil the graph.
void refuse_in_capture() {
  if (captured) give_up("a call that may not be made while a graph is captured");
}

// "linnet::cuda::norm_rows<...>(...)" is norm_rows.
std::string name_of(const void* kernel) {
  std::string whole = ptx::symbol_at(kernel);
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(whole.c_str(), nullptr, nullptr, nullptr), std::free);
  if (name) whole = name.get();
  whole.erase(std::min(whole.find('<'), whole.find('(')));
  return whole.substr(whole.rfind(':') + 1);
}

}  // namespace

// The last begins; each runs the one in front of it when it waits.
void run_waiting() {
  if (waiting.empty()) return;
  const Launch last = std::move(waiting.back());
  waiting.pop_back();
  const std::size_t before = waiting.size();
  last.run();
  if (before > 0 && waiting.size() == before && !is_lost()) {
    give_up("a kernel that began early did not wait for the one in front of it");
  }
  waiting.clear();
}

void run_all() {
  for (std::deque<std::function<void()>> all = std::exchange(late, {}); !all.empty();
       all.pop_front()) {
    all.front()();
  }
  run_waiting();
}

void wait_for_previous_kernel() { run_waiting(); }

cudaError_t allow_shared_bytes(const void* kernel, int bytes) {
  if (static_cast<std::size_t>(bytes) > most_shared_bytes) return cudaErrorInvalidValue;
  shared_bytes_of[kernel] = static_cast<std::size_t>(bytes);
  return cudaSuccess;
}

cudaError_t launch(Launch launch) {
  if (is_lost()) return cudaErrorLaunchFailure;
  const auto allowed = shared_bytes_of.find(launch.kernel);
  const std::size_t most = allowed == shared_bytes_of.end() ? 48 * 1024 : allowed->second;
  if (launch.shared_bytes > most) return cudaErrorInvalidValue;
  if (captured) {
    captured->launches.push_back(std::move(launch));
    return cudaSuccess;
  }
  launched.push_back(launch.kernel);
  const auto run = [launch = std::move(launch)] {
    if (!launch.begins_early || waiting.size() == kMostWaiting) run_waiting();
    waiting.push_back(launch);
  };
  if (late.empty()) {
    run();
  } else {
    late.push_back(run);
  }
  return cudaSuccess;
}

std::vector<std::string> launched_kernels() {
  std::vector<std::string> names;
  for (const void* kernel : std::exchange(launched, {})) names.push_back(name_of(kernel));
  return names;
}

void check_line_read(const void* from, std::size_t bytes) {
  if (reinterpret_cast<std::uintptr_t>(from) % 16 != 0 || bytes % 16 != 0 ||
      !arena().holds(from, bytes)) {
    give_up("lines are read that no allocation holds");
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

bool is_hopper() { return hopper; }
void set_hopper(bool value) { hopper = value; }
bool is_lost() { return lost; }
void set_lost(bool value) { lost = value; }
void set_driver(int version) { driver = version; }
void set_shared_bytes(std::size_t bytes) { most_shared_bytes = bytes; }
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
cudaError_t cudaFuncGetName(const char** name, const void* kernel) {
  static std::map<const void*, std::string> names;
  *name = names.try_emplace(kernel, linnet::ptx::symbol_at(kernel)).first->second.c_str();
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  if (driver < CUDART_VERSION) return cudaErrorInsufficientDriver;
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {"emulated device", is_hopper() ? 9 : 8, 0, 2, most_shared_bytes};
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = arena().limit();
  *free = arena().limit() - arena().used();
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  refuse_in_capture();
  if (is_lost()) return cudaErrorLaunchFailure;
  *memory = arena().take(bytes);
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFree(void* memory) {
  refuse_in_capture();
  run_all();
  if (memory) arena().give(memory);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  refuse_in_capture();
  *memory = std::malloc(bytes);
  if (*memory) page_locked[static_cast<const std::byte*>(*memory)] = bytes;
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void* memory) {
  run_all();
  page_locked.erase(static_cast<const std::byte*>(memory));
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind kind, cudaStream_t) {
  refuse_in_capture();
  if (is_lost()) return cudaErrorLaunchFailure;
  const bool to_device = kind != cudaMemcpyDeviceToHost;
  const bool from_device = kind != cudaMemcpyHostToDevice;
  for (std::size_t i = 0; i < height; ++i) {
    const auto* target = static_cast<std::byte*>(to) + i * to_pitch;
    const auto* source = static_cast<const std::byte*>(from) + i * from_pitch;
    if (to_device ? !arena().holds(target, width) : arena().contains(target)) {
      return cudaErrorInvalidValue;
    }
    if (from_device ? !arena().holds(source, width) : arena().contains(source)) {
      return cudaErrorInvalidValue;
    }
  }
  const auto copy = [=] {
    run_waiting();
    const Open open;
    for (std::size_t i = 0; i < height; ++i) {
      std::memmove(static_cast<std::byte*>(to) + i * to_pitch,
                   static_cast<const std::byte*>(from) + i * from_pitch, width);
    }
  };
  if (!to_device || (!from_device && !is_page_locked(from))) run_all();
  if (to_device && (!late.empty() || (!from_device && is_page_locked(from)))) {
    late.push_back(copy);
  } else {
    copy();
  }
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t) {
  refuse_in_capture();
  run_all();
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
  refuse_in_capture();
  run_all();
  return is_lost() ? cudaErrorLaunchFailure : cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = nullptr;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t) {
  refuse_in_capture();
  run_all();
  return cudaSuccess;
}
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
  if (late.empty()) run_waiting();
  for (const Launch& kernel : graph->launches) launch(kernel);
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
