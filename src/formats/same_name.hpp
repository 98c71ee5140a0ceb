#pragma once

#include <algorithm>
#include <string_view>

namespace linnet {

/// Whether two names of types are the same but for the case of their letters (ASCII).
inline bool same_name(std::string_view a, std::string_view b) {
  const auto upper = [](char x) { return x >= 'a' && x <= 'z' ? x - 'a' + 'A' : int{x}; };
  return std::ranges::equal(a, b, {}, upper, upper);
}

}  // namespace linnet
