#pragma once

#include <vector>

#include "backend/parameters.hpp"

namespace linnet {

/// Rotary position embedding of a layer (https://arxiv.org/abs/2104.09864): pairs of columns of
/// each head are rotated by the position times the pair's frequency. By default none is.
struct RopeSpec {
  RopeLayout layout = RopeLayout::kNone;
  int first = 0;  ///< first rotary column of a head
  int dims = 0;   ///< rotary columns of a head, an even number
  /// [dims / 2], radians from a position to the next one, scaling and factors applied.
  std::vector<float> inverse_frequencies;
  float magnitude = 1.0f;  ///< factor on rotary columns (YaRN, https://arxiv.org/abs/2309.00071)

  /// The operation on heads of `head_width` columns; the spec must outlive it.
  RopeParams params(int heads, int head_width) const {
    return {layout, heads, head_width, first, dims, inverse_frequencies, magnitude};
  }
};

/// A rope that rotates by one of a row's M-RoPE position ids (Batch::places): time, height or width
/// in a picture (https://arxiv.org/abs/2409.12191). Columns of other ropes have frequency 0.
struct PlacedRope {
  int component = 0;  ///< of the places
  RopeSpec rope;
};

}  // namespace linnet
