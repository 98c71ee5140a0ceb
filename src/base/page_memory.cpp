#include "base/page_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <limits>
#include <string>

#include "base/memory_nodes.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kHugePageBytes = std::int64_t{2} << 20;

// Null if there is no such room.
std::uint8_t* map(std::int64_t size_bytes) {
  void* data = mmap(nullptr, static_cast<std::size_t>(size_bytes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return data == MAP_FAILED ? nullptr : static_cast<std::uint8_t*>(data);
}

void unmap(std::uint8_t* data, std::int64_t size_bytes) {
  if (size_bytes > 0) munmap(data, static_cast<std::size_t>(size_bytes));
}

// From the start of a huge page on, or most of a small array would lie on small pages.
std::uint8_t* map_in_huge_pages(std::int64_t size_bytes) {
  if (size_bytes > std::numeric_limits<std::int64_t>::max() - kHugePageBytes) return nullptr;
  std::uint8_t* data = map(size_bytes + kHugePageBytes);
  if (!data) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const auto before = static_cast<std::int64_t>(-address % kHugePageBytes);
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  const std::int64_t kept = (size_bytes + page - 1) / page * page;
  unmap(data, before);
  data += before;
  unmap(data + kept, kHugePageBytes - before - (kept - size_bytes));
  madvise(data, static_cast<std::size_t>(kept), MADV_HUGEPAGE);
  spread_over_memory_nodes(data, kept);
  return data;
}

}  // namespace

Result<PageMemory> PageMemory::allocate(std::int64_t size_bytes) {
  PageMemory memory;
  if (size_bytes == 0) return memory;
  const bool is_small = size_bytes < kHugePageBytes;
  memory.data_ = is_small ? map(size_bytes) : map_in_huge_pages(size_bytes);
  if (!memory.data_) {
    return Error{"out of memory: " + std::to_string(size_bytes) + " bytes were asked for"};
  }
  memory.size_bytes_ = size_bytes;
  return memory;
}

PageMemory::~PageMemory() { unmap(data_, size_bytes_); }

}  // namespace linnet
