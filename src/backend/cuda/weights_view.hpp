#pragma once

#include <cstdint>

namespace linnet::cuda {

/// How the numbers of a weight lie on the device. Integer codes of up to eight bits are cut into
/// planes of 8, 4, 2 and 1 bits (kBits6 is a plane of 4 bits and one of 2), because a plane's words
/// are aligned and read in whole lines, which the blocks of a GGUF file are not. kTable: the codes
/// are indices of 16 signed bytes.
enum class Codes : std::uint8_t {
  kFloat32,
  kHalf,
  kBfloat16,
  kBits8,
  kBits6,
  kBits5,
  kBits4,
  kTable4,
  kBits3,
  kTable3,
  kBits2,
  kBits1
};

/// How the scale of a group is stored: as a binary16 or bfloat16 number, or as a signed byte times
/// a binary16 number for each 256 inputs.
enum class Scales : std::uint8_t { kNone, kHalf, kBfloat16, kSuper };

/// Bytes of a group's scale, and of its minimum behind it.
constexpr int scale_bytes(Scales kind, bool has_minimum) {
  return (kind == Scales::kSuper ? 1 : 2) * (has_minimum ? 2 : 1);
}

/// Inputs of a block, the unit in which kernels take codes.
inline constexpr int kBlock = 32;
/// Inputs that share a number of Scales::kSuper.
inline constexpr int kSuperBlock = 256;

constexpr bool is_float(Codes codes) {
  return codes == Codes::kFloat32 || codes == Codes::kHalf || codes == Codes::kBfloat16;
}

/// Bytes of a number of a float type.
constexpr int float_bytes(Codes codes) { return codes == Codes::kFloat32 ? 4 : 2; }

/// Words of 32 bits that a block takes of the first and of the second plane.
constexpr int low_words(Codes codes) {
  switch (codes) {
    case Codes::kBits8:
      return 8;
    case Codes::kBits6:
    case Codes::kBits5:
    case Codes::kBits4:
    case Codes::kTable4:
      return 4;
    case Codes::kBits3:
    case Codes::kTable3:
    case Codes::kBits2:
      return 2;
    case Codes::kBits1:
      return 1;
    default:
      return 0;
  }
}
constexpr int high_words(Codes codes) {
  if (codes == Codes::kBits6) return 2;
  if (codes == Codes::kBits5 || codes == Codes::kBits3 || codes == Codes::kTable3) return 1;
  return 0;
}

/// Codes that are numbers of at most six bits, without a sign.
constexpr bool has_small_codes(Codes codes) {
  return codes == Codes::kBits6 || codes == Codes::kBits5 || codes == Codes::kBits4 ||
         codes == Codes::kBits3 || codes == Codes::kBits2 || codes == Codes::kBits1;
}

/// What of a weight's layout kernels for few rows are compiled for.
struct Layout {
  Codes codes = Codes::kFloat32;
  Scales scale_kind = Scales::kNone;
  bool has_minimum = false;
  bool two_groups = false;  ///< a block has two groups, else it lies in one

  bool operator==(const Layout&) const = default;
};

/// Whether codes are those of E2M1 numbers twice as large: MXFP4 and NVFP4. No other type with a
/// table has such scales.
constexpr bool has_e2m1_codes(const Layout& layout) {
  return layout.codes == Codes::kTable4 &&
         (layout.scale_kind == Scales::kBfloat16 ||
          (layout.scale_kind == Scales::kHalf && layout.two_groups));
}

/// The same as a type: nvcc does not take values of classes as arguments of a kernel's template.
template <Codes kCodes, Scales kScales, bool kMinimum, bool kTwoGroups>
struct LayoutOf {
  static constexpr Codes codes = kCodes;
  static constexpr Scales scale_kind = kScales;
  static constexpr bool has_minimum = kMinimum, two_groups = kTwoGroups;
  static constexpr Layout value{kCodes, kScales, kMinimum, kTwoGroups};
};

/// What a kernel knows of a weight:
///     value = scale * (code - offset) - minimum
/// The row r of the slice s is the row s * rows + r of every plane; code words are [row][block].
/// In a block's words, byte b of
///   - word j of 8 bits is the code 4 j + b, signed;
///   - word j of 4 bits has the codes 4 j + b (low) and 16 + 4 j + b (high);
///   - word j of 2 bits has the codes 4 (4 j + f) + b in its fields f = 0 to 3;
///   - the word of 1 bit has the codes 4 f + b in its bits f = 0 to 7.
struct WeightsView {
  Codes codes = Codes::kFloat32;
  Scales scale_kind = Scales::kNone;
  bool has_minimum = false;
  int group_shift = 5;        ///< log2 of the inputs that share a scale, 4 to 8
  float offset = 0.0f;        ///< of the codes
  float scale_factor = 1.0f;  ///< of every scale
  /// 2^k that brings the largest value near 2^13 (E2M1: 2^3), and its inverse: for arithmetic in
  /// binary16.
  float half_factor = 1.0f, half_inverse = 1.0f;
  std::uint32_t table[4] = {};
  std::int64_t columns = 0, rows = 0;
  const std::uint8_t* low = nullptr;     ///< the first plane, or floats [row][columns]
  const std::uint8_t* high = nullptr;    ///< the second plane
  const std::uint8_t* scales = nullptr;  ///< [row][columns >> group_shift] of scale, minimum
  /// kSuper: [row][columns / 256] pairs of binary16: of the scales, of the minimums.
  const std::uint16_t* supers = nullptr;

  constexpr Layout layout() const { return {codes, scale_kind, has_minimum, group_shift == 4}; }
};

}  // namespace linnet::cuda
