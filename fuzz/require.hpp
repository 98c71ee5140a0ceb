#pragma once

#include <cstdlib>

namespace linnet::fuzz {

/// Ends the program, which is a finding, where it does not hold.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace linnet::fuzz
