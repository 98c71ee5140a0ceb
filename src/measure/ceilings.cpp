#include "measure/ceilings.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "base/machine.hpp"
#include "base/thread_pool.hpp"
#include "base/units.hpp"
#include "measure/peak_loops.hpp"

namespace linnet::measure {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRuns = 5;
constexpr std::int64_t kPartBytes = 4 * kMiB;  // that a thread reads at a time
constexpr std::int64_t kLargestBufferBytes = 1024 * kMiB;
constexpr std::int64_t kSmallestBufferBytes = 64 * kMiB;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The shortest of some runs of `body`.
template <class Body>
double best_seconds(Body&& body) {
  double best = 1e30;
  for (int i = 0; i < kRuns; ++i) {
    const auto start = Clock::now();
    body();
    best = std::min(best, seconds_since(start));
  }
  return best;
}

// Twice the last cache, in so far as memory allows.
std::int64_t choose_buffer_bytes() {
  const std::int64_t cache = std::max<std::int64_t>(0, sysconf(_SC_LEVEL3_CACHE_SIZE));
  const std::int64_t wanted = std::clamp(2 * cache, 256 * kMiB, kLargestBufferBytes);
  const std::int64_t available = available_memory_bytes();
  const std::int64_t bytes = available > 0 ? std::min(wanted, available / 4) : wanted;
  return bytes < kSmallestBufferBytes ? 0 : bytes / kPartBytes * kPartBytes;
}

class PageBuffer {
 public:
  explicit PageBuffer(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes)) {
    void* memory = bytes == 0 ? MAP_FAILED
                              : mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    madvise(memory, bytes_, MADV_HUGEPAGE);
    data_ = static_cast<std::uint8_t*>(memory);
  }
  ~PageBuffer() {
    if (data_) munmap(data_, bytes_);
  }
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;

  std::uint8_t* data() const { return data_; }

 private:
  std::size_t bytes_;
  std::uint8_t* data_ = nullptr;
};

double read_bandwidth(const PageBuffer& buffer, std::int64_t bytes, int threads) {
  ThreadPool pool(threads);
  std::atomic<std::uint64_t> sum{0};
  const double seconds = best_seconds([&] {
    pool.parallel_for(bytes / kPartBytes, [&](std::int64_t part) {
      sum.fetch_xor(read_all(buffer.data() + part * kPartBytes, kPartBytes));
    });
  });
  return static_cast<double>(bytes) / seconds;
}

double peak(const PeakLoop& loop, int threads) {
  constexpr std::int64_t kTurns = 1 << 20;
  ThreadPool pool(threads);
  std::atomic<std::uint64_t> sum{0};
  constexpr std::int64_t kTasks = 4;  // for each thread, so that an interrupted one holds none up
  const double seconds = best_seconds([&] {
    pool.parallel_for(threads * kTasks, [&](std::int64_t) { sum.fetch_xor(loop.run(kTurns)); });
  });
  return static_cast<double>(threads * kTasks * kTurns * loop.operations_a_turn) / seconds;
}

}  // namespace

double Ceilings::best_read_bytes_per_s() const {
  return read_bytes_per_s.empty() ? 0.0 : *std::ranges::max_element(read_bytes_per_s);
}

Ceilings measure_ceilings(int threads) {
  Ceilings ceilings;
  ceilings.buffer_bytes = choose_buffer_bytes();
  const PageBuffer buffer(ceilings.buffer_bytes);
  if (!buffer.data()) ceilings.buffer_bytes = 0;
  if (buffer.data()) std::memset(buffer.data(), 1, static_cast<std::size_t>(ceilings.buffer_bytes));
  for (int count = 1; count <= threads; ++count) {
    ceilings.read_bytes_per_s.push_back(
        buffer.data() ? read_bandwidth(buffer, ceilings.buffer_bytes, count) : 0.0);
  }
  ceilings.int8_operations_per_s = peak(int8_peak_loops().front(), threads);
  ceilings.int16_operations_per_s = peak(int16_peak_loops().front(), threads);
  ceilings.float_operations_per_s = peak(float_peak_loops().front(), threads);
  return ceilings;
}

}  // namespace linnet::measure
