#pragma once

#include <cstdint>
#include <memory>

#include "backend/backend.hpp"
#include "base/thread_pool.hpp"

namespace linnet::cpu {

/// Rows whose outputs a kernel computes side by side, one a lane.
inline constexpr std::int64_t kLanes = 16;
/// Inputs of a block of integer weights; activations have a scale for each.
inline constexpr std::int64_t kBlock = 32;

enum class Codes {
  kFloat32,   ///< [columns][16 rows] floats
  kHalf,      ///< the same in binary16
  kBfloat16,  ///< the same in bfloat16
  kBytes,     ///< a block: 8 x [16 rows][4 inputs] bytes, code + 128
  kNibbles,   ///< a block: 4 x [16 rows][4 inputs] bytes, inputs 0-15 in the low, 16-31 in the high
              ///< nibbles
  kTable,     ///< as kNibbles; the nibble is an index into a table of bytes (value + 128)
};

/// How the weights of a matrix lie in memory: strips of 16 rows, each a run of blocks of 32 inputs.
/// Behind the codes of a block stand the scales of its groups ([groups][16 rows]) and then their
/// minimums.
struct Layout {
  Codes codes = Codes::kFloat32;
  bool half_scales = true;  ///< binary16, else float32
  bool has_minimum = false;
  int groups = 1;  ///< in a block: 1 (of 32 inputs) or 2 (of 16)
  int offset = 0;  ///< stored code minus code
  std::uint8_t table[16] = {};

  bool is_float() const {
    return codes == Codes::kFloat32 || codes == Codes::kHalf || codes == Codes::kBfloat16;
  }
  std::int64_t code_bytes() const { return codes == Codes::kBytes ? 512 : 256; }
  std::int64_t scale_bytes() const { return groups * kLanes * (half_scales ? 2 : 4); }
  std::int64_t block_bytes() const { return code_bytes() + scale_bytes() * (has_minimum ? 2 : 1); }
  std::int64_t strip_bytes(std::int64_t columns) const;
};

/// The layout for weights of `format`.
Layout choose_layout(const Format& format);

/// Weights in the kernels' layout. The rows of each slice are padded to whole strips.
class PackedMatrix final : public Matrix {
 public:
  static Result<std::unique_ptr<PackedMatrix>> pack(const MatrixSource& source, ThreadPool& pool);

  const Layout& layout() const { return layout_; }
  std::int64_t strips() const { return strips_; }  ///< of one slice
  const std::uint8_t* strip(std::int64_t slice, std::int64_t index) const {
    return bytes_.get() + (slice * strips_ + index) * layout_.strip_bytes(columns());
  }
  std::int64_t size_bytes() const override {
    return slices() * strips_ * layout_.strip_bytes(columns());
  }
  /// The values of a row of slice 0, exactly those of the file.
  void unpack_row(std::int64_t row, float* out) const;

 private:
  struct Free {
    std::size_t size;
    void operator()(std::uint8_t* p) const;
  };
  PackedMatrix(const MatrixSource& source, const Layout& layout);

  Layout layout_;
  std::int64_t strips_;
  std::unique_ptr<std::uint8_t[], Free> bytes_;
};

}  // namespace linnet::cpu
