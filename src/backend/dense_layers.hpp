#pragma once

#include <algorithm>
#include <vector>

#include "backend/memory.hpp"

namespace linnet {

/// Compressed keys are read from a dense copy, and layers whose heads have the same shape take
/// turns in one. Returns the number of the copy for `layer` in `dense`, which is extended if there
/// is none yet.
inline int add_dense_layer(const KvLayerShape& layer, std::vector<KvLayerShape>& dense) {
  const auto found = std::ranges::find_if(dense, [&](const KvLayerShape& other) {
    return other.heads == layer.heads && other.key_width == layer.key_width &&
           other.value_width == layer.value_width;
  });
  const auto number = static_cast<int>(found - dense.begin());
  if (found == dense.end()) dense.push_back({layer.heads, layer.key_width, layer.value_width});
  return number;
}

}  // namespace linnet
