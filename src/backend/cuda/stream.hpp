#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backend/cuda/launch_queue.hpp"
#include "base/result.hpp"

namespace linnet::cuda {

/// The most thread blocks of a grid along y and z.
inline unsigned grid_rows(std::int64_t rows) {
  return static_cast<unsigned>(std::min<std::int64_t>(rows, 65535));
}

/// Page-locked host memory, which the device copies from and to at full speed, when it comes to it;
/// freed with the object.
class HostMemory {
 public:
  HostMemory() = default;
  static Result<HostMemory> allocate(std::int64_t bytes);

  std::byte* get() const { return static_cast<std::byte*>(memory_.get()); }
  std::int64_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* memory) const { cudaFreeHost(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  std::int64_t bytes_ = 0;
};

/// The order in which everything runs on the device, and the first thing that went wrong there.
/// After an error nothing more is sent.
class Stream {
 public:
  static Result<std::unique_ptr<Stream>> open();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  int multiprocessors() const { return multiprocessors_; }
  /// Shared memory that a thread block may have.
  std::size_t most_shared_bytes() const { return most_shared_bytes_; }
  /// How many kernels and copies came until now.
  std::uint64_t operations() const { return operations_; }
  const Status& status() const { return status_; }

  /// Keeps the first error; `what` says during what.
  bool check(cudaError_t error, const char* what);
  void fail(Error error);

  /// Runs `kernel`, soon: see LaunchQueue. Everything else below sends what waits before.
  template <class... Parameters, class... Arguments>
  void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
              Arguments&&... arguments) {
    run_postponed();
    if (!status_ || grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    ++operations_;
    queue_.add(kernel, grid, block, shared_bytes, static_cast<Parameters>(arguments)...);
    if (queue_.is_full()) send();
  }
  /// Runs `work` before whatever comes next, unless it is taken back: an operation that the next
  /// one can do on its way. What was postponed before runs now.
  void postpone(std::function<void()> work) {
    run_postponed();
    ++operations_;
    postponed_ = std::move(work);
  }
  bool has_postponed() const { return postponed_ != nullptr; }
  void take_back() { postponed_ = nullptr; }
  void run_postponed() {
    if (const auto work = std::exchange(postponed_, nullptr)) work();
  }

  void use_graphs(bool use) { queue_.use_graphs(use); }
  /// Begins kernels early (see LaunchQueue) where the device can and `kernel`, like all others, was
  /// compiled to wait for those before it.
  template <class... Parameters>
  void begin_early(void (*kernel)(Parameters...)) {
    cudaFuncAttributes attributes{};
    if (!check(cudaFuncGetAttributes(&attributes, kernel), "asking for a kernel")) return;
    queue_.begin_early(is_hopper_ && attributes.ptxVersion >= 90);
  }

  /// Allows `kernel` more shared memory than the usual 48 KiB; never less than before, because
  /// launches of before may wait.
  template <class... Parameters>
  void allow_shared_bytes(void (*kernel)(Parameters...), std::size_t bytes) {
    if (bytes <= 48 * 1024) return;
    std::size_t& allowed = shared_bytes_[reinterpret_cast<const void*>(kernel)];
    if (bytes <= allowed) return;
    if (check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(bytes)),
              "the shared memory of a kernel")) {
      allowed = bytes;
    }
  }

  /// Host memory may be reused when it returns.
  void upload(const void* from, std::size_t bytes, void* to);
  /// `from`, page-locked memory, must stay as it is until the copy was waited for.
  void upload_locked(const void* from, std::size_t bytes, void* to);
  void download(const void* from, std::size_t bytes, void* to);  ///< waits
  void copy(const void* from, std::size_t bytes, void* to);
  void copy_rows(const void* from, std::size_t from_pitch, std::size_t width, std::size_t rows,
                 void* to, std::size_t to_pitch, cudaMemcpyKind kind);
  void zero(void* memory, std::size_t bytes);
  void wait();
  /// Sends the kernels that wait.
  void send();
  cudaStream_t get() const { return stream_; }

 private:
  Stream() = default;
  const void* stage(const void* from, std::size_t bytes);
  void synchronise();

  cudaStream_t stream_ = nullptr;
  LaunchQueue queue_;
  int multiprocessors_ = 1;
  std::size_t most_shared_bytes_ = 0;
  bool is_hopper_ = false;                           // or newer
  std::map<const void*, std::size_t> shared_bytes_;  // of kernels that were allowed more
  HostMemory staging_;                               // of small uploads, until the next wait
  std::size_t staged_ = 0;                           // bytes of it
  std::uint64_t operations_ = 0;
  std::function<void()> postponed_;
  Status status_;
};

/// Device memory, freed with the object, after the kernels that waited then. The stream must
/// outlive it.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  /// Zeroed; an Error says how much was asked for and how much there is.
  static Result<DeviceMemory> allocate(Stream& stream, std::int64_t bytes, const char* what);

  void* get() const { return memory_.get(); }
  template <class T>
  T* as() const {
    return static_cast<T*>(memory_.get());
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  struct Free {
    Stream* stream;
    void operator()(void* memory) const {
      stream->send();
      cudaFree(memory);
    }
  };
  std::unique_ptr<void, Free> memory_{nullptr, Free{nullptr}};
  std::int64_t bytes_ = 0;
};

/// Scratch memory that grows to the largest size that was asked for.
class Scratch {
 public:
  /// Null after an error, which `stream` keeps.
  template <class T>
  T* take(Stream& stream, std::int64_t count) {
    return static_cast<T*>(take_bytes(stream, count * static_cast<std::int64_t>(sizeof(T))));
  }
  const void* get() const { return memory_.get(); }  ///< what was taken last

 private:
  void* take_bytes(Stream& stream, std::int64_t bytes);
  DeviceMemory memory_;
};

/// A copy on the device of numbers that the caller has on the host, sent when they differ from
/// those before: every layer of a step names the same rows and pages.
class Mirror {
 public:
  /// Null after an error or for no numbers.
  template <class T>
  const T* of(Stream& stream, std::span<const T> numbers) {
    return static_cast<const T*>(of_bytes(stream, numbers.data(), numbers.size_bytes()));
  }
  /// Whether of() would send nothing.
  template <class T>
  bool holds(std::span<const T> numbers) const {
    return holds_bytes(numbers.data(), numbers.size_bytes());
  }

 private:
  bool holds_bytes(const void* numbers, std::size_t bytes) const;
  const void* of_bytes(Stream& stream, const void* numbers, std::size_t bytes);
  std::vector<std::byte> sent_;
  Scratch memory_;
  void* device_ = nullptr;
};

}  // namespace linnet::cuda
