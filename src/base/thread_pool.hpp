#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace linnet {

/// A fixed team of threads that runs one loop at a time. Workers spin briefly after a loop, because
/// the next one follows within microseconds while a token is computed, then sleep.
class ThreadPool {
 public:
  /// `threads` >= 1 in all; the caller of parallel_for is one of them. Throws std::system_error
  /// where the system does not give so many.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(i) for every i in [0, count), each once, on any thread, and returns when all are
  /// done. Which thread runs which i is not defined, so a result must not depend on it. Not
  /// reentrant; one caller at a time. `body` must not throw.
  template <class Body>
  void parallel_for(std::int64_t count, Body&& body) {
    if (count <= 0) return;
    if (workers_.empty() || count == 1) {
      for (std::int64_t i = 0; i < count; ++i) body(i);
      return;
    }
    run({&call<std::remove_reference_t<Body>>, &body, count});
  }

 private:
  struct Loop {
    void (*call)(const void* body, std::int64_t i) = nullptr;
    const void* body = nullptr;
    std::int64_t count = 0;
  };
  template <class Body>
  static void call(const void* body, std::int64_t i) {
    (*const_cast<Body*>(static_cast<const Body*>(body)))(i);
  }

  void end_workers();
  void run(Loop loop);
  void work();
  void take_all(const Loop& loop);
  std::uint64_t wait_for_loop(std::uint64_t seen);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Loop loop_;
  int sleeping_ = 0;  // guarded by mutex_
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<std::int64_t> next_{0};
  alignas(64) std::atomic<int> busy_{0};
};

}  // namespace linnet
