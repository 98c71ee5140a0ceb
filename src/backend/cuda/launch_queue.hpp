#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <tuple>
#include <type_traits>
#include <vector>

namespace linnet::cuda {

/// Kernels that wait to be sent. A step of the model is hundreds of them, each of which takes the
/// host as long to send as a small one takes the device to run; so what comes again with the very
/// same arguments, as the steps of one sequence do, is sent as one CUDA graph. Steps may take
/// turns: those of a model and of what drafts for it.
class LaunchQueue {
 public:
  /// Without graphs every kernel is sent on its own.
  void use_graphs(bool use) { uses_graphs_ = use; }
  /// Whether kernels begin before the ones in front of them have ended, and wait for them where
  /// they say wait_for_previous_kernel().
  void begin_early(bool early) { begins_early_ = early; }

  template <class... Parameters>
  void add(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
           Parameters... arguments) {
    waiting_.launches.push_back({reinterpret_cast<AnyKernel>(kernel), send_one<Parameters...>, grid,
                                 block, shared_bytes, waiting_.arguments.size()});
    (put(arguments), ...);
  }

  /// So many wait that sending them should begin.
  bool is_full() const { return waiting_.launches.size() >= (next_ == 0 ? kFirstFull : kFull); }
  /// Sends what waits.
  cudaError_t send(cudaStream_t stream);
  /// The name of the kernel that send() could not send, as the linker has it; "a kernel" where it
  /// was one of a graph.
  const char* failed() const { return failed_; }
  /// What is sent next is compared with what was sent first, after this was called before. All that
  /// was sent is waited for before more is.
  void restart() { next_ = 0; }

 private:
  // The device waits for the first ones of a step, so those are fewer.
  static constexpr std::size_t kFirstFull = 32, kFull = 128;
  static constexpr std::size_t kWorthAGraph = 8;
  static constexpr std::size_t kMostKnown = 64, kVariants = 4;

  using AnyKernel = void (*)();
  struct Launch {
    AnyKernel kernel;
    cudaError_t (*send)(AnyKernel kernel, const std::byte* arguments,
                        const cudaLaunchConfig_t& config);
    dim3 grid, block;
    std::size_t shared_bytes, first_argument;

    bool operator==(const Launch& other) const;
  };
  struct Batch {
    std::vector<Launch> launches;
    std::vector<std::byte> arguments;  // of all launches

    bool operator==(const Batch&) const = default;
    void clear();
  };
  struct DestroyGraph {
    void operator()(cudaGraphExec_t graph) const { cudaGraphExecDestroy(graph); }
  };
  using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyGraph>;
  struct Known {
    Batch batch;
    Graph graph;  // made when the batch comes for the second time
    int times = 0;
  };

  // Padding is cleared so that equal arguments are equal bytes.
  template <class T>
  void put(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    __builtin_clear_padding(&value);
    const std::size_t at = waiting_.arguments.size();
    waiting_.arguments.resize(at + sizeof value);
    std::memcpy(waiting_.arguments.data() + at, &value, sizeof value);
  }
  template <class T>
  struct Taken {
    alignas(T) std::byte bytes[sizeof(T)];
    explicit Taken(const std::byte*& from) {
      std::memcpy(bytes, from, sizeof bytes);
      from += sizeof bytes;
    }
    const T& value() const { return *reinterpret_cast<const T*>(bytes); }
  };
  template <class... Parameters>
  static cudaError_t send_one(AnyKernel any, const std::byte* arguments,
                              const cudaLaunchConfig_t& config) {
    const std::tuple<Taken<Parameters>...> taken{
        Taken<Parameters>(arguments)...};  // in their order
    const auto kernel = reinterpret_cast<void (*)(Parameters...)>(any);
    return std::apply(
        [&](const auto&... argument) {
          return cudaLaunchKernelEx(&config, kernel, argument.value()...);
        },
        taken);
  }

  Known& know_waiting();
  cudaError_t send_each(const Batch& batch, cudaStream_t stream);
  Graph capture(const Batch& batch, cudaStream_t stream);

  Batch waiting_;
  // What was sent lately by its place in the order, the latest in front.
  std::vector<std::vector<Known>> known_;
  std::size_t next_ = 0;
  bool uses_graphs_ = true, begins_early_ = false;
  const char* failed_ = "a kernel";
};

}  // namespace linnet::cuda
