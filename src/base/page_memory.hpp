#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/result.hpp"

namespace linnet {

/// Zeroed memory straight from the kernel, in huge pages if it has them and from all memory nodes
/// of the machine: for arrays that are read and written across many rows at once. Pages that are
/// never touched take no memory.
class PageMemory {
 public:
  PageMemory() = default;
  /// `size_bytes` >= 0. An Error says how much was asked for.
  static Result<PageMemory> allocate(std::int64_t size_bytes);
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept { swap(other); }
  PageMemory& operator=(PageMemory&& other) noexcept {
    swap(other);
    return *this;
  }

  /// Aligned to a page; null if nothing was asked for.
  std::uint8_t* data() const { return data_; }
  std::int64_t size_bytes() const { return size_bytes_; }

 private:
  void swap(PageMemory& other) {
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
  }

  std::uint8_t* data_ = nullptr;
  std::int64_t size_bytes_ = 0;
};

}  // namespace linnet
