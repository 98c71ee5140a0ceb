#pragma once

#include <span>
#include <string>

#include "model/weight_loader.hpp"

namespace linnet {

/// The projection with the weights `values` [rows][columns], which were made of the tensor
/// `name`.weight, and the optional `name`.bias.
inline Linear made_linear(WeightLoader& loader, const std::string& name,
                          std::span<const float> values, std::int64_t columns, std::int64_t rows) {
  Linear linear = loader.projection(name + ".weight", values, columns);
  if (linear) linear.bias = loader.vector(name + ".bias", rows, Presence::kOptional);
  return linear;
}

}  // namespace linnet
