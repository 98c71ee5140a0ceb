#include "base/thread_pool.hpp"

#include <utility>

namespace linnet {
namespace {

// About 50 us: longer than the gaps between the ops of a token, shorter than what a person notices.
constexpr int kSpins = 20000;

constexpr int kIndexBits = 32;
constexpr std::uint64_t kClosed = (std::uint64_t{1} << kIndexBits) - 1;

std::uint64_t loop_number(std::uint64_t ticket) { return ticket >> kIndexBits; }

// One turn of a spin. Now and then the processor goes to whoever wants it: if there are more
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
    count_.store(0);
    ticket_.store((loop_number(ticket_.load()) + 1) << kIndexBits);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(Call call, const void* body, std::int64_t count) {
  const std::uint64_t number = loop_number(ticket_.load(std::memory_order_relaxed)) + 1;
  ticket_.store(number << kIndexBits | kClosed, std::memory_order_relaxed);
  // Released each, so that whoever sees one of them finds the ticket closed.
  call_.store(call, std::memory_order_release);
  body_.store(body, std::memory_order_release);
  count_.store(count, std::memory_order_release);
  done_.store(0, std::memory_order_relaxed);
  bool someone_sleeps;
  {
    const std::lock_guard lock(mutex_);
    ticket_.store(number << kIndexBits, std::memory_order_release);
    someone_sleeps = sleeping_ > 0;
  }
  if (someone_sleeps) wake_.notify_all();
  take_all();
  for (int spin = 0; done_.load(std::memory_order_acquire) < count; spin = (spin + 1) % kSpins) {
    relax(spin);
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

// An exception that left a worker's loop would end the program, and one that left the caller's
// would take away the body that others still run.
void ThreadPool::call_one(Call call, const void* body, std::int64_t i) {
  try {
    call(body, i);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
}

// Takes indices of the loop that runs until there are none left.
void ThreadPool::take_all() {
  std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
  for (;;) {
    const Call call = call_.load(std::memory_order_acquire);
    const void* const body = body_.load(std::memory_order_acquire);
    const std::uint64_t index = ticket & kClosed;
    if (index >= static_cast<std::uint64_t>(count_.load(std::memory_order_acquire))) return;
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
    call_one(call, body, static_cast<std::int64_t>(index));
    done_.fetch_add(1, std::memory_order_release);
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

// The number of the loop after that with the number `seen`.
std::uint64_t ThreadPool::wait_for_loop(std::uint64_t seen) {
  const auto next = [&]() -> std::uint64_t {
    const std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
    return (ticket & kClosed) == kClosed ? seen : loop_number(ticket);
  };
  for (int spin = 0; spin < kSpins; ++spin) {
    if (const std::uint64_t number = next(); number != seen) return number;
    relax(spin);
  }
  std::unique_lock lock(mutex_);
  ++sleeping_;
  wake_.wait(lock, [&] { return next() != seen; });
  --sleeping_;
  return next();
}

void ThreadPool::work() {
  std::uint64_t seen = 0;
  for (;;) {
    seen = wait_for_loop(seen);
    if (stop_.load()) return;
    take_all();
  }
}

}  // namespace linnet
