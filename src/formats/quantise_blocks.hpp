#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "formats/block_format.hpp"
#include "formats/fit_scale.hpp"

namespace linnet::formats {

/// Whether a type chooses its scales by what the errors of values count.
template <class T>
inline constexpr bool kIsWeighted = requires(const float* in, const float* weights,
                                             typename T::Block& block) {
  T::quantize(in, weights, block);
};

/// Format::quantize_weighted of a quantised type; `importance` may be null.
template <class T>
void quantize_weighted(const float* in, const float* importance, std::byte* blocks,
                       std::int64_t elements) {
  float weights[T::block_elements];
  for (; elements > 0; elements -= T::block_elements) {
    for (int first = 0; first < T::block_elements; first += T::group_elements) {
      error_weights(in + first, importance ? importance + first : nullptr, T::group_elements,
                    weights + first);
    }
    typename T::Block block{};
    T::quantize(in, weights, block);
    std::memcpy(blocks, &block, sizeof(block));
    in += T::block_elements;
    if (importance) importance += T::block_elements;
    blocks += sizeof(block);
  }
}

/// Format::quantize of a quantised type.
template <class T>
void quantize(const float* in, std::byte* blocks, std::int64_t elements) {
  if constexpr (kIsWeighted<T>) {
    quantize_weighted<T>(in, nullptr, blocks, elements);
  } else {
    for (; elements > 0; elements -= T::block_elements) {
      typename T::Block block{};
      T::quantize(in, block);
      std::memcpy(blocks, &block, sizeof(block));
      in += T::block_elements;
      blocks += sizeof(block);
    }
  }
}

}  // namespace linnet::formats
