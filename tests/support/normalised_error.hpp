#pragma once

#include <algorithm>
#include <span>

namespace linnet::test {

/// sum (got - want)^2 / sum want^2
inline double normalised_error(std::span<const float> got, std::span<const float> want) {
  double difference = 0.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    difference += (double{got[i]} - want[i]) * (double{got[i]} - want[i]);
    norm += double{want[i]} * want[i];
  }
  return difference / std::max(norm, 1e-30);
}

}  // namespace linnet::test
