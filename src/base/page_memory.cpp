#include "base/page_memory.hpp"

#include <sys/mman.h>

#include <string>

#include "base/memory_nodes.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kHugePageBytes = std::int64_t{2} << 20;

}  // namespace

Result<PageMemory> PageMemory::allocate(std::int64_t size_bytes) {
  PageMemory memory;
  if (size_bytes == 0) return memory;
  void* data = mmap(nullptr, static_cast<std::size_t>(size_bytes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    return Error{"out of memory: " + std::to_string(size_bytes) + " bytes were asked for"};
  }
  if (size_bytes >= kHugePageBytes) {
    madvise(data, static_cast<std::size_t>(size_bytes), MADV_HUGEPAGE);
    spread_over_memory_nodes(data, size_bytes);
  }
  memory.data_ = static_cast<std::uint8_t*>(data);
  memory.size_bytes_ = size_bytes;
  return memory;
}

PageMemory::~PageMemory() {
  if (data_) munmap(data_, static_cast<std::size_t>(size_bytes_));
}

}  // namespace linnet
