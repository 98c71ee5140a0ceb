#include "base/thread_pool.hpp"

namespace linnet {
namespace {

// About 50 us: longer than the gaps between the ops of a token, shorter than what a person notices.
constexpr int kSpins = 20000;

// One turn of a spin. Now and then the processor goes to whoever wants it: where there are more
// threads than processors, that may be the very thread that is waited for.
void relax(int spin) {
  constexpr int kSpinsBetweenYields = 64;
  if (spin % kSpinsBetweenYields == kSpinsBetweenYields - 1) {
    std::this_thread::yield();
    return;
  }
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
  } catch (...) {
    end_workers();
    throw;
  }
}

ThreadPool::~ThreadPool() { end_workers(); }

void ThreadPool::end_workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_.store(true);
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(Loop loop) {
  loop_ = loop;
  next_.store(0, std::memory_order_relaxed);
  busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  bool someone_sleeps;
  {
    const std::lock_guard lock(mutex_);
    generation_.fetch_add(1, std::memory_order_release);
    someone_sleeps = sleeping_ > 0;
  }
  if (someone_sleeps) wake_.notify_all();
  take_all(loop);
  for (int spin = 0; busy_.load(std::memory_order_acquire) > 0; spin = (spin + 1) % kSpins) {
    relax(spin);
  }
}

void ThreadPool::take_all(const Loop& loop) {
  for (;;) {
    const std::int64_t i = next_.fetch_add(1, std::memory_order_relaxed);
    if (i >= loop.count) return;
    loop.call(loop.body, i);
  }
}

std::uint64_t ThreadPool::wait_for_loop(std::uint64_t seen) {
  for (int spin = 0; spin < kSpins; ++spin) {
    const std::uint64_t now = generation_.load(std::memory_order_acquire);
    if (now != seen) return now;
    relax(spin);
  }
  std::unique_lock lock(mutex_);
  ++sleeping_;
  wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
  --sleeping_;
  return generation_.load(std::memory_order_acquire);
}

void ThreadPool::work() {
  std::uint64_t seen = 0;
  for (;;) {
    seen = wait_for_loop(seen);
    if (stop_.load()) return;
    take_all(loop_);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace linnet
