#pragma once

#include <cmath>

#include "backend/memory.hpp"

namespace linnet {

/// Columns of a head that are Hadamard-rotated together, at most.
inline constexpr int kWidestRotation = 128;

/// Whether the keys and values of a layer are rotated before they are rounded, and likewise the
/// queries; the output of attention is then rotated back. Values within the keys stay as they are.
inline bool has_rotated_heads(KvType type, const KvLayerShape& layer) {
  return type == KvType::kQ4_0 && layer.value_width > 0;
}

/// Multiplies the columns of a head, in blocks of the largest power of two that divides `width`, by
/// the Walsh-Hadamard matrix over the root of their number. What stands out in one column is spread
/// over its block, so that few bits can round them all (https://arxiv.org/abs/2404.00456). That
/// keeps the products of queries and keys, and is its own inverse.
inline void rotate_head(float* head, int width) {
  int block = 1;
  while (block < kWidestRotation && width % (2 * block) == 0) block *= 2;
  const float scale = 1.0f / std::sqrt(static_cast<float>(block));
  for (int step = 1; step < block; step *= 2) {
    for (int first = 0; first < width; first += 2 * step) {
      for (int i = first; i < first + step; ++i) {
        const float a = head[i], b = head[i + step];
        head[i] = a + b;
        head[i + step] = a - b;
      }
    }
  }
  for (int i = 0; i < width; ++i) head[i] *= scale;
}

}  // namespace linnet
