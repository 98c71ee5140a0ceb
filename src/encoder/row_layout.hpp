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
  /// The layout of `sequences` sequences with `rows` rows each.
  RowLayout(std::int64_t sequences, std::int64_t rows);
  RowLayout(const RowLayout&) = delete;  // page tables point into it
  RowLayout& operator=(const RowLayout&) = delete;

  /// Lives as long as the object.
  BatchLayout layout() const { return {positions_, sequences_, page_tables_, lengths_}; }
  std::int64_t pages() const { return std::ssize(pages_); }

 private:
  std::vector<std::int32_t> lengths_, positions_, sequences_, pages_;
  std::vector<std::span<const std::int32_t>> page_tables_;
};

/// How rows stand that all look at the keys of one sequence.
class SharedKeys {
 public:
  SharedKeys(std::int64_t rows, std::int64_t keys);

  // Both live as long as the object.
  BatchLayout keys() const { return keys_.layout(); }  ///< that are stored
  BatchLayout rows() const;                            ///< that look at them

 private:
  const std::vector<std::int32_t> zeros_;
  const RowLayout keys_;
};

}  // namespace linnet
