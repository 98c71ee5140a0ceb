#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

#include "backend/backend.hpp"

namespace linnet {

/// The memory of one forward pass: allocated once, handed out like a stack. A Scope gives back on
/// exit what was taken since it began.
class Workspace {
 public:
  explicit Workspace(std::unique_ptr<Buffer> buffer) : buffer_(std::move(buffer)) {}

  class Scope {
   public:
    explicit Scope(Workspace& workspace) : workspace_(workspace), mark_(workspace.used_) {}
    ~Scope() { workspace_.used_ = mark_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Workspace& workspace_;
    std::int64_t mark_;
  };

  /// Takes everything back.
  void clear() { used_ = 0; }
  /// Everything handed out so far, as one row.
  View used() const { return {buffer_->data(), 1, used_, used_}; }

  /// Its contents are undefined. Rows may have a gap between them.
  View view(std::int64_t rows, std::int64_t columns) {
    const std::int64_t stride = rows == 1 ? columns : stride_of(columns);
    return {take(rows * stride), rows, columns, stride};
  }

  /// The same for the choice of `used` experts for each row.
  Routing routing(std::int64_t rows, int used) {
    std::int32_t* const experts = as_integers(take(rows * used));
    return {experts, take(rows * used), rows, used};
  }

  /// Floats to ask for so that `count` views of `rows` rows, `columns` columns in all, fit.
  static std::int64_t floats_for(std::int64_t rows, std::int64_t columns, int count) {
    return rows * (columns + columns / kWide * 2 * kPair) + std::int64_t{count} * kAlignment;
  }

 private:
  static constexpr std::int64_t kAlignment = 16;  // floats: a cache line
  static constexpr std::int64_t kPair = 2 * kAlignment;
  static constexpr std::int64_t kWide = 1024;

  // A task of a matmul writes the same two lines of every row. An odd number of pairs from row to
  // row spreads them over all sets of a cache; a power of two would put them all into one.
  static std::int64_t stride_of(std::int64_t columns) {
    if (columns < kWide) return columns;
    return ((columns + kPair - 1) / kPair | 1) * kPair;
  }

  float* take(std::int64_t floats) {
    const std::int64_t end = used_ + (floats + kAlignment - 1) / kAlignment * kAlignment;
    // A mistake in Linnet, which its callers survive: see guarded().
    if (end > buffer_->size()) throw std::logic_error("a block takes more memory than was counted");
    return buffer_->data() + std::exchange(used_, end);
  }

  std::unique_ptr<Buffer> buffer_;
  std::int64_t used_ = 0;
};

}  // namespace linnet
