#include "base/lost_pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>

namespace linnet {

/// A guarded mapping, or a place for one.
struct LostPages::Range {
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::uintptr_t> end = 0;  // 0: nothing is guarded here
  std::atomic<bool> lost = false;
};

namespace {

// What a handler of signals needs cannot belong to an object: it is called with nothing but an
// address, and may not wait for a lock. So many files are not mapped at once: each has a descriptor
// too, of which a process seldom has more than 1,024.
std::array<LostPages::Range, 4096> ranges;
struct sigaction handler_before;

bool put_zeros(LostPages::Range& range, std::uintptr_t address) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t from = address / page * page;
  range.lost = true;
  void* const wanted = reinterpret_cast<void*>(from);  // NOLINT(performance-no-int-to-ptr)
  return mmap(wanted, range.end - from, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
              /*fd=*/-1, /*offset=*/0) != MAP_FAILED;
}

void on_lost_page(int /*signal*/, siginfo_t* info, void* /*context*/) {
  const int errno_before = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (LostPages::Range& range : ranges) {
    if (address < range.begin || address >= range.end) continue;
    if (!put_zeros(range, address)) break;
    errno = errno_before;
    return;
  }
  // The read is tried again, and meets whoever handled such signals before.
  sigaction(SIGBUS, &handler_before, nullptr);
}

bool set_handler() {
  struct sigaction action {};
  action.sa_sigaction = on_lost_page;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  return sigaction(SIGBUS, &action, &handler_before) == 0;
}

LostPages::Range* guard(std::span<const std::byte> mapping) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  static const bool has_handler = set_handler();
  auto* const range = std::ranges::find(ranges, 0u, [](const auto& r) { return r.end.load(); });
  if (!has_handler || range == ranges.end()) return nullptr;
  range->lost = false;
  range->begin = reinterpret_cast<std::uintptr_t>(mapping.data());
  range->end = range->begin + mapping.size();
  return range;
}

}  // namespace

LostPages::LostPages(std::span<const std::byte> mapping) : range_(guard(mapping)) {}

LostPages::~LostPages() {
  if (range_) range_->end = 0;
}

bool LostPages::any() const { return range_ && range_->lost; }

}  // namespace linnet
