#pragma once

#include <cstdint>
#include <span>

namespace linnet {

/// exp(x) for x <= 0, with a relative error below 3e-7; 0 below -87 and for NaN.
/// The same bits on every machine.
float exp_of_negative(float x);

/// What softmax needs of some logits x, with z = (x - highest) * scale.
struct SoftmaxSums {
  double weights = 0.0;           ///< of exp(z)
  double weighted_exponents = 0;  ///< of exp(z) * z
  std::int64_t count = 0;         ///< of the logits above minus infinity

  SoftmaxSums& operator+=(const SoftmaxSums& other);
};

/// Sums over all `logits`, of any number, in one fixed order. Logits that are minus infinity or not
/// a number add nothing.
SoftmaxSums softmax_sums(std::span<const float> logits, float highest, float scale);

}  // namespace linnet
