#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace linnet {

/// Of rows that have the parts of each head side by side, `sizes` rows each, an order in which each
/// part of all heads comes together: see WeightLoader::reordered.
inline std::vector<std::int64_t> parts_together(int heads, std::span<const std::int64_t> sizes) {
  std::int64_t all = 0;
  for (const std::int64_t size : sizes) all += size;
  std::vector<std::int64_t> order;
  std::int64_t first = 0;
  for (const std::int64_t size : sizes) {
    for (int h = 0; h < heads; ++h) {
      for (std::int64_t i = 0; i < size; ++i) order.push_back(h * all + first + i);
    }
    first += size;
  }
  return order;
}

// Columns of all heads together, by the spec of an attention with grouped queries.

template <class Spec>
int query_columns(const Spec& spec) {
  return spec.heads * spec.key_width;
}

template <class Spec>
int key_columns(const Spec& spec) {
  return spec.kv_heads * spec.key_width;
}

template <class Spec>
int value_columns(const Spec& spec) {
  return spec.kv_heads * spec.value_width;
}

template <class Spec>
int result_columns(const Spec& spec) {
  return spec.heads * spec.value_width;
}

}  // namespace linnet
