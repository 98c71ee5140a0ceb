#pragma once

#include "backend/cuda/kernels/unpack.cuh"

namespace linnet::cuda {

/// 32 inputs of one output, on their way from their packed form to binary16.
template <Codes kCodes>
struct WeightPiece {
  PackedBlock<kCodes> packed;
  ScaleBits scales[2];
  bool present;

  __device__ void read(const WeightsView& w, std::int64_t row, std::int64_t column, bool inside) {
    present = inside && column < w.columns;
    if (!present) return;
    const std::int64_t index = row * w.columns + column;
    packed.read(w, index / kBlock);
    scales[0].read(w, index);
    if (w.group_shift == 4) scales[1].read(w, index + 16);
  }
  __device__ void write(const WeightsView& w, std::uint16_t* to) const {
    std::uint32_t codes[8];
    if (present) unpack<kCodes>(packed, w.table, codes);
    const GroupScale first = scales[0].value(w);
    const GroupScale second = w.group_shift == 4 ? scales[1].value(w) : first;
#pragma unroll
    for (int i = 0; i < 4; ++i) {  // eight values at a time
      std::uint32_t pairs[4] = {};
      const GroupScale& group = i < 2 ? first : second;
      const float scale = group.scale * w.half_factor, minimum = group.minimum * w.half_factor;
#pragma unroll
      for (int p = 0; p < 4 && present; ++p) {
        const std::uint32_t word = codes[2 * i + p / 2];
        const float a = code_to_float(word, p % 2 * 2) - w.offset;
        const float b = code_to_float(word, p % 2 * 2 + 1) - w.offset;
        pairs[p] = to_halves(a * scale - minimum, b * scale - minimum);
      }
      reinterpret_cast<uint4*>(to)[i] = {pairs[0], pairs[1], pairs[2], pairs[3]};
    }
  }
};

template <Codes kCodes>
requires(is_float(kCodes)) struct WeightPiece<kCodes> {
  uint4 words[4];

  __device__ void read(const WeightsView& w, std::int64_t row, std::int64_t column, bool inside) {
    const auto* from = reinterpret_cast<const std::uint16_t*>(w.low) + row * w.columns + column;
    if (inside && column + kBlock <= w.columns && w.columns % 8 == 0) {
#pragma unroll
      for (int i = 0; i < 4; ++i) words[i] = reinterpret_cast<const uint4*>(from)[i];
      return;
    }
    std::uint32_t pairs[16];
#pragma unroll
    for (int p = 0; p < 16; ++p) {
      const std::uint32_t a = inside && column + 2 * p < w.columns ? from[2 * p] : 0;
      const std::uint32_t b = inside && column + 2 * p + 1 < w.columns ? from[2 * p + 1] : 0;
      pairs[p] = a | b << 16;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      words[i] = {pairs[4 * i], pairs[4 * i + 1], pairs[4 * i + 2], pairs[4 * i + 3]};
    }
  }
  __device__ static std::uint32_t convert(std::uint32_t pair, float factor) {
    if constexpr (kCodes == Codes::kHalf) return pair;
    return to_halves(bits_to_float(pair << 16) * factor,
                     bits_to_float(pair & 0xffff0000u) * factor);
  }
  __device__ void write(const WeightsView& w, std::uint16_t* to) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      reinterpret_cast<uint4*>(to)[i] = {
          convert(words[i].x, w.half_factor), convert(words[i].y, w.half_factor),
          convert(words[i].z, w.half_factor), convert(words[i].w, w.half_factor)};
    }
  }
};

}  // namespace linnet::cuda
