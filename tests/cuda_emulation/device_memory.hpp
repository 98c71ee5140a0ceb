#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

namespace linnet::emulation {

[[noreturn]] void give_up(const char* what);

/// Device memory: one reserved range, closed while no kernel and no copy runs. What is allocated is
/// full of NaNs: nothing may rely on what is there. Where the environment has
/// CUDA_EMULATION_GUARDED, each allocation ends at a page that nothing can touch.
class Arena {
 public:
  static constexpr std::size_t kBytes = std::size_t{8} << 30;
  static constexpr std::size_t kPageBytes = 4096;

  Arena() {
    base_ = static_cast<std::byte*>(
        mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (base_ == MAP_FAILED) give_up("no address space");
    free_[0] = kBytes;
    if (std::getenv("CUDA_EMULATION_GUARDED")) nothing_ = memfd_create("nothing", 0);
    const std::vector<std::byte> ones(kNansBytes, std::byte{0xff});
    nans_ = memfd_create("nans", 0);
    if (write(nans_, ones.data(), kNansBytes) != kNansBytes) give_up("no memory for NaNs");
  }
  void* take(std::size_t wanted) {
    const std::size_t guard = nothing_ >= 0 ? kPageBytes : 0;
    const std::size_t bytes = (wanted + kPageBytes - 1) / kPageBytes * kPageBytes + guard;
    if (used_ + bytes > limit()) return nullptr;
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      const auto [first, size] = *it;
      if (size < bytes) continue;
      free_.erase(it);
      if (size > bytes) free_[first + bytes] = size - bytes;
      taken_[first] = bytes;
      used_ += bytes;
      top_ = std::max(top_, first + bytes);
      fill_with_nans(first, bytes - guard);
      if (guard == 0) return base_ + first;
      // A page of an empty file is an error to touch, open or closed.
      map(first + bytes - guard, guard, MAP_SHARED, nothing_);
      return base_ + first + bytes - guard - (wanted + 15) / 16 * 16;
    }
    return nullptr;
  }
  void give(void* memory) {
    const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(memory) - base_);
    const auto found = taken_.find(offset / kPageBytes * kPageBytes);
    if (found == taken_.end()) give_up("cudaFree of memory that was not allocated");
    auto [first, size] = *found;
    map(first, size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    used_ -= size;
    taken_.erase(found);
    top_ = taken_.empty() ? 0 : taken_.rbegin()->first + taken_.rbegin()->second;
    auto next = free_.lower_bound(first);
    if (next != free_.end() && next->first == first + size) {
      size += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == first) {
        before->second += size;
        return;
      }
    }
    free_[first] = size;
  }
  /// Where the allocation that has this address begins and ends; nothing where none has.
  std::pair<const std::byte*, const std::byte*> allocation_at(const void* memory) const {
    const auto* at = static_cast<const std::byte*>(memory);
    if (!contains(at)) return {};
    auto found = taken_.upper_bound(static_cast<std::size_t>(at - base_));
    if (found == taken_.begin()) return {};
    --found;
    const std::byte* first = base_ + found->first;
    const std::byte* end = first + found->second - (nothing_ >= 0 ? kPageBytes : 0);
    if (at >= end) return {};
    return {first, end};
  }
  bool holds(const void* memory, std::size_t bytes) const {
    if (bytes == 0) return true;
    const auto* at = static_cast<const std::byte*>(memory);
    return at + bytes <= allocation_at(at).second;
  }
  bool contains(const void* memory) const { return memory >= base_ && memory < base_ + kBytes; }
  void open() { protect(PROT_READ | PROT_WRITE); }
  void close() { protect(PROT_NONE); }
  std::size_t limit() const { return limit_ == 0 ? kBytes : limit_; }
  std::size_t used() const { return used_; }
  void set_limit(std::size_t bytes) { limit_ = bytes; }

 private:
  void map(std::size_t offset, std::size_t bytes, int flags, int file) {
    if (mmap(base_ + offset, bytes, PROT_NONE, MAP_FIXED | flags, file, 0) == MAP_FAILED) {
      give_up("mmap failed");
    }
  }
  // Only the pages that are written take memory and time.
  void fill_with_nans(std::size_t offset, std::size_t bytes) {
    for (std::size_t done = 0; done < bytes; done += kNansBytes) {
      map(offset + done, std::min<std::size_t>(bytes - done, kNansBytes), MAP_PRIVATE, nans_);
    }
  }
  void protect(int how) {
    if (top_ > 0 && mprotect(base_, top_, how) != 0) give_up("mprotect failed");
  }
  static constexpr int kNansBytes = 4 << 20;
  std::byte* base_;
  int nothing_ = -1;  // an empty file
  int nans_ = -1;
  std::size_t used_ = 0, limit_ = 0;
  std::size_t top_ = 0;  // nothing is taken behind it
  std::map<std::size_t, std::size_t> free_, taken_;
};

Arena& arena();

/// Opens device memory while it lives; one within another has no effect.
struct Open {
  Open() {
    if (depth++ == 0) arena().open();
  }
  ~Open() {
    if (--depth == 0) arena().close();
  }
  static inline int depth = 0;
};

/// Runs the kernels that were launched and did not run yet.
void run_waiting();
/// Makes the copies from page-locked memory, which are made as late as may be, and all behind them.
void run_all();

/// Whether set_lost() said so.
bool is_lost();

}  // namespace linnet::emulation
