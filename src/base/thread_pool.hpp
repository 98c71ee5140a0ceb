#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace linnet {

/// A fixed team of threads that runs one loop at a time. Workers spin briefly after a loop, because
/// the next one follows within microseconds while a token is computed, then sleep. A loop does not
/// wait for workers that come late, as they do where other programs use the processors, but only
/// for what was begun.
class ThreadPool {
 public:
  /// `threads` >= 1 in all; the caller of parallel_for is one of them. Throws std::system_error
  /// if the system does not allow that many.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(i) for every i in [0, count), each once, on any thread, and returns when all are
  /// done; count < 2^32 - 1. Which thread runs which i is not defined, so a result must not depend
  /// on it. Not reentrant; one caller at a time. Of what `body` throws, for want of memory say, one
  /// is thrown when nothing of the loop runs any more; which of the others were run is not defined
  /// then.
  template <class Body>
  void parallel_for(std::int64_t count, Body&& body) {
    if (count <= 0) return;
    if (workers_.empty() || count == 1) {
      for (std::int64_t i = 0; i < count; ++i) body(i);
      return;
    }
    run(&call<std::remove_reference_t<Body>>, &body, count);
  }

 private:
  using Call = void (*)(const void* body, std::int64_t i);

  template <class Body>
  static void call(const void* body, std::int64_t i) {
    (*const_cast<Body*>(static_cast<const Body*>(body)))(i);
  }

  void end_workers();
  void run(Call call, const void* body, std::int64_t count);
  void call_one(Call call, const void* body, std::int64_t i);
  void work();
  void take_all();
  std::uint64_t wait_for_loop(std::uint64_t seen);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  int sleeping_ = 0;            // guarded by mutex_
  std::exception_ptr failure_;  // of the loop; guarded by mutex_ while it runs
  std::atomic<bool> stop_{false};
  // The loop. It is written while the ticket is closed, and a thread that reads it takes an index
  // only if the ticket has not changed meanwhile: so it has read the loop whose index it takes.
  std::atomic<Call> call_{nullptr};
  std::atomic<const void*> body_{nullptr};
  std::atomic<std::int64_t> count_{0};
  // The number of the loop in the upper half; in the lower one the next index, or kClosed.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<std::int64_t> done_{0};  // indices of the loop
};

}  // namespace linnet
