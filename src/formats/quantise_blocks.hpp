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

/// Packs a block; `importance` may be null.
template <class T>
typename T::Block quantize_block(const float* in, [[maybe_unused]] const float* importance) {
  typename T::Block block{};
  if constexpr (kIsWeighted<T>) {
    float weights[T::block_elements];
    for (int first = 0; first < T::block_elements; first += T::group_elements) {
      error_weights<T::group_elements>(in + first, importance ? importance + first : nullptr,
                                       weights + first);
    }
    T::quantize(in, weights, block);
  } else {
    T::quantize(in, block);
  }
  return block;
}

/// Format::quantize_weighted of a quantised type; `importance` may be null.
template <class T>
void quantize_weighted(const float* in, const float* importance, std::byte* blocks,
                       std::int64_t elements) {
  for (std::int64_t first = 0; first < elements; first += T::block_elements) {
    const auto block = quantize_block<T>(in + first, importance ? importance + first : nullptr);
    std::memcpy(blocks, &block, sizeof(block));
    blocks += sizeof(block);
  }
}

/// Format::quantize of a quantised type.
template <class T>
void quantize(const float* in, std::byte* blocks, std::int64_t elements) {
  quantize_weighted<T>(in, nullptr, blocks, elements);
}

}  // namespace linnet::formats
