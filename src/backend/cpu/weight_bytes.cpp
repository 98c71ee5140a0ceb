#include "backend/cpu/weight_bytes.hpp"

#include "backend/cpu/packed_layout.hpp"

namespace linnet {

std::int64_t cpu_weight_bytes(const Format& format, std::int64_t columns, std::int64_t rows) {
  return cpu::choose_layout(format).strip_bytes(columns) / cpu::kLanes * rows;
}

}  // namespace linnet
