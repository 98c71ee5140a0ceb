#pragma once

#include <cstdint>
#include <vector>

#include "backend/memory.hpp"

namespace linnet {

/// How the rows of a batch stand where each sequence has its rows side by side and pages of its
/// own.
class RowLayout {
 public:
  /// `lengths`: rows of each sequence.
  explicit RowLayout(std::vector<std::int32_t> lengths);

  /// Lives as long as the object.
  BatchLayout layout() const { return {positions_, sequences_, page_tables_, lengths_}; }
  std::int64_t pages() const { return std::ssize(pages_); }

 private:
  std::vector<std::int32_t> lengths_, positions_, sequences_, pages_;
  std::vector<std::span<const std::int32_t>> page_tables_;
};

}  // namespace linnet
