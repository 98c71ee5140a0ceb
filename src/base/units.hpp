#pragma once

#include <cstdint>

namespace linnet {

inline constexpr std::int64_t kMiB = std::int64_t{1} << 20;

}  // namespace linnet
