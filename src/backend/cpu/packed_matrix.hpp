#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.hpp"
#include "backend/cpu/packed_layout.hpp"
#include "base/page_memory.hpp"
#include "base/thread_pool.hpp"

namespace linnet::cpu {

/// Weights in the kernels' layout. The rows of each slice are padded to whole strips.
class PackedMatrix final : public Matrix {
 public:
  /// Packs all slices, or where the source lasts none. An Error if a weight is not finite.
  static Result<std::unique_ptr<PackedMatrix>> pack(const MatrixSource& source, ThreadPool& pool);
  /// Packs those of `slices` that are not packed yet. One caller at a time. An Error if a weight
  /// of those is not finite.
  Status ensure_packed(std::span<const std::int32_t> slices, ThreadPool& pool) const;

  const Layout& layout() const { return layout_; }
  std::int64_t strips() const { return strips_; }  ///< of one slice
  std::int64_t strip_bytes() const { return strip_bytes_; }
  /// Of a slice that is packed.
  const std::uint8_t* strip(std::int64_t slice, std::int64_t index) const {
    return memory_.data() + (slice * strips_ + index) * strip_bytes_;
  }
  const std::string& name() const { return source_.name; }
  std::int64_t size_bytes() const override { return slices() * strips_ * strip_bytes_; }
  /// The values of a row of slice 0, see unpack_lane().
  void unpack_row(std::int64_t row, float* out) const;

 private:
  explicit PackedMatrix(const MatrixSource& source);

  Layout layout_;
  std::int64_t strips_;
  std::int64_t strip_bytes_;
  PageMemory memory_;
  MatrixSource source_;               // read until all slices are packed
  mutable std::vector<bool> packed_;  // slices
};

}  // namespace linnet::cpu
