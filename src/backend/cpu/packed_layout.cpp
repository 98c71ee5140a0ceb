#include "backend/cpu/packed_layout.hpp"

#include "formats/all.hpp"

namespace linnet::cpu {
namespace {

template <class T>
constexpr ScaleKind scale_kind() {
  if (T::has_super_scale) return ScaleKind::kSuper;
  if (T::type == TensorType::kMXFP4) return ScaleKind::kPowerOfTwo;
  if (T::type == TensorType::kNVFP4) return ScaleKind::kE4m3;
  return T::scales_fit_half ? ScaleKind::kHalf : ScaleKind::kFloat32;
}

template <class T>
constexpr Layout layout_of() {
  static_assert(T::group_elements == 16 || T::group_elements % kBlock == 0);
  static_assert(T::block_elements % kBlock == 0 && kPanel % T::block_elements == 0);
  // The super scales of a panel are those of one block.
  static_assert(!T::has_super_scale || T::block_elements == kPanel);
  Layout layout;
  layout.codes = Codes::kIntegers;
  layout.high_bits = T::code_bits == 6 ? 2 : T::code_bits == 3 || T::code_bits == 5 ? 1 : 0;
  layout.low_bits = T::code_bits - layout.high_bits;
  layout.has_minimum = T::has_minimum;
  layout.group_inputs = T::group_elements;
  layout.scales = scale_kind<T>();
  if constexpr (T::has_super_scale) layout.scale_factor = T::scale_factor;
  layout.has_table = T::has_codebook;
  if constexpr (T::has_codebook) {
    constexpr int kCount = 1 << T::code_bits;
    layout.offset = -*std::min_element(T::codebook.begin(), T::codebook.begin() + kCount);
    for (int i = 0; i < kCount; ++i) {
      layout.table[i] = static_cast<std::uint8_t>(T::codebook[i] + layout.offset);
      layout.largest_code = std::max<int>(layout.largest_code, layout.table[i]);
    }
  } else {
    layout.offset = -T::code_min;
    layout.largest_code = (1 << T::code_bits) - 1;
  }
  return layout;
}

}  // namespace

std::int64_t Layout::scale_bytes() const {
  switch (scales) {
    case ScaleKind::kHalf:
      return 2 * kLanes;
    case ScaleKind::kFloat32:
      return 4 * kLanes;
    case ScaleKind::kPowerOfTwo:
    case ScaleKind::kE4m3:
    case ScaleKind::kSuper:
      return kLanes;
  }
  return 0;
}

std::int64_t Layout::panel_bytes(std::int64_t inputs) const {
  if (codes == Codes::kFloat32) return inputs * kLanes * 4;
  if (is_float()) return inputs * kLanes * 2;
  const std::int64_t super = scales == ScaleKind::kSuper ? 2 * kLanes : 0;
  return supers_at(inputs) + (has_minimum ? 2 * super : super);
}

std::int64_t Layout::strip_bytes(std::int64_t columns) const {
  const std::int64_t rest = columns % kPanel;
  return columns / kPanel * panel_bytes(kPanel) + (rest > 0 ? panel_bytes(rest) : 0);
}

Layout choose_layout(const Format& format) {
  Layout layout;
  if (format.type == TensorType::kF16) layout.codes = Codes::kHalf;
  if (format.type == TensorType::kBF16) layout.codes = Codes::kBfloat16;
  formats::for_each_quantised([&]<class T>() {
    if (T::type == format.type) layout = layout_of<T>();
  });
  return layout;
}

}  // namespace linnet::cpu
