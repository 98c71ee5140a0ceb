#include "backend/cpu/packed_layout.hpp"

namespace linnet::cpu {

std::int64_t Layout::panel_bytes(std::int64_t inputs) const {
  if (codes == Codes::kFloat32) return inputs * kLanes * 4;
  if (codes == Codes::kInt16) return int16_panel_bytes(inputs);
  return codes_at(inputs) + inputs / kBlock * block_bytes();
}

std::int64_t Layout::strip_bytes(std::int64_t columns) const {
  const std::int64_t rest = columns % kPanel;
  return columns / kPanel * panel_bytes(kPanel) + (rest > 0 ? panel_bytes(rest) : 0);
}

Layout choose_layout(const Format& format) {
  Layout layout;
  layout.type = format.type;
  if (format.type == TensorType::kF16 || format.type == TensorType::kBF16) {
    layout.codes = Codes::kInt16;
  }
  formats::for_each_quantised([&]<class T>() {
    if (T::type == format.type) layout = layout_of<T>();
  });
  return layout;
}

}  // namespace linnet::cpu
