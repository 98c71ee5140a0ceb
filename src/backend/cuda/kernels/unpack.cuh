#pragma once

#include "backend/cuda/device.cuh"
#include "backend/cuda/kernels/read_words.cuh"
#include "backend/cuda/weights_view.hpp"

namespace linnet::cuda {

/// The words of a block as they lie in memory. Reading is apart from unpacking so that several
/// reads can be under way.
template <Codes kCodes>
struct PackedBlock {
  static constexpr int kLow = low_words(kCodes), kHigh = high_words(kCodes);
  std::uint32_t low[kLow];
  std::uint32_t high[kHigh > 0 ? kHigh : 1];

  /// Block `index` counts from the beginning of the weight: row * (columns / 32) + block.
  __device__ void read(const WeightsView& w, std::int64_t index) {
    read_words(w.low + index * kLow * 4, low);
    if constexpr (kHigh > 0) read_words(w.high + index * kHigh * 4, high);
  }
};

/// The table entries that four of the eight nibbles of `indices` name, the low or the high ones.
__device__ inline std::uint32_t look_up_nibbles(const std::uint32_t (&table)[4],
                                                std::uint32_t indices, int half) {
  const std::uint32_t place = (indices & 0x77777777) >> (16 * half);
  const std::uint32_t which = ((indices >> 1 & 0x44444444) | 0x32103210) >> (16 * half);
  const std::uint32_t lower = pick_bytes(table[0], table[1], place);
  const std::uint32_t upper = pick_bytes(table[2], table[3], place);
  return pick_bytes(lower, upper, which);
}

/// The four of the first eight table entries that the bytes of `indices` name.
__device__ inline std::uint32_t look_up_bytes(const std::uint32_t (&table)[4],
                                              std::uint32_t indices) {
  return pick_bytes(table[0], table[1], pick_bytes(indices | indices >> 4, 0, 0x4420));
}

/// The codes 4 q to 4 q + 3 of the block as signed bytes; q is known when this is compiled.
template <Codes kCodes>
__device__ inline std::uint32_t unpack_word(const PackedBlock<kCodes>& block,
                                            const std::uint32_t (&table)[4], int q) {
  if constexpr (kCodes == Codes::kTable4) return look_up_nibbles(table, block.low[q / 2], q % 2);
  std::uint32_t code;
  if constexpr (PackedBlock<kCodes>::kLow == 8) {
    code = block.low[q];
  } else if constexpr (PackedBlock<kCodes>::kLow == 4) {
    code = block.low[q % 4] >> (q / 4 * 4) & 0x0f0f0f0f;
  } else if constexpr (PackedBlock<kCodes>::kLow == 2) {
    code = block.low[q / 4] >> (q % 4 * 2) & 0x03030303;
  } else {
    code = block.low[0] >> q & 0x01010101;
  }
  constexpr int kShift = PackedBlock<kCodes>::kLow;  // bits of the first plane
  if constexpr (PackedBlock<kCodes>::kHigh == 2) {
    code |= (block.high[q / 4] >> (q % 4 * 2) & 0x03030303) << kShift;
  } else if constexpr (PackedBlock<kCodes>::kHigh == 1) {
    code |= (block.high[0] >> q & 0x01010101) << kShift;
  }
  return kCodes == Codes::kTable3 ? look_up_bytes(table, code) : code;
}

/// codes[q] has the codes 4 q to 4 q + 3 of the block as signed bytes.
template <Codes kCodes>
__device__ inline void unpack(const PackedBlock<kCodes>& block, const std::uint32_t (&table)[4],
                              std::uint32_t (&codes)[8]) {
#pragma unroll
  for (int q = 0; q < 8; ++q) codes[q] = unpack_word<kCodes>(block, table, q);
}

struct GroupScale {
  float scale, minimum;
};

/// Scale and minimum, exactly those of the file, of a group of which `bits` were read, and `super`
/// of its kSuperBlock inputs. `kind` and `has_minimum` are the weight's; kernels that are compiled
/// for them know them.
__device__ inline GroupScale group_scale(const WeightsView& w, Scales kind, bool has_minimum,
                                         std::uint32_t bits, std::uint32_t super) {
  const auto half = [](std::uint32_t of) { return from_half(static_cast<std::uint16_t>(of)); };
  const auto byte = [](std::uint32_t of) {
    return static_cast<float>(static_cast<std::int8_t>(of));
  };
  if (kind == Scales::kSuper) {
    return {w.scale_factor * half(super) * byte(bits),
            has_minimum ? half(super >> 16) * byte(bits >> 8) : 0.0f};
  }
  return {kind == Scales::kBfloat16 ? from_bfloat16(static_cast<std::uint16_t>(bits))
                                    : w.scale_factor * half(bits),
          has_minimum ? half(bits >> 16) : 0.0f};
}

/// What is read of a group's scale, as it lies in memory: nothing waits for it before it is needed.
struct ScaleBits {
  std::uint32_t bits = 0, super = 0;

  /// Of the group in which number `index` of the weight lies.
  __device__ void read(const WeightsView& w, std::int64_t index) {
    const std::int64_t at = index >> w.group_shift;
    const int bytes = scale_bytes(w.scale_kind, w.has_minimum);
    if (bytes == 1) {
      bits = w.scales[at];
    } else if (bytes == 2) {
      bits = reinterpret_cast<const std::uint16_t*>(w.scales)[at];
    } else {
      bits = reinterpret_cast<const std::uint32_t*>(w.scales)[at];
    }
    if (w.scale_kind == Scales::kSuper) {
      super = reinterpret_cast<const std::uint32_t*>(w.supers)[index / kSuperBlock];
    }
  }
  __device__ GroupScale value(const WeightsView& w) const {
    return group_scale(w, w.scale_kind, w.has_minimum, bits, super);
  }
};

/// Scale and minimum of the group of `column`.
__device__ inline GroupScale group_scale(const WeightsView& w, std::int64_t row,
                                         std::int64_t column) {
  ScaleBits bits;
  bits.read(w, row * w.columns + column);
  return bits.value(w);
}

/// Byte `index` of `codes`, signed, as a float: without a conversion instruction, of which a
/// multiprocessor has few.
__device__ inline float code_to_float(std::uint32_t codes, int index) {
  const std::uint32_t bits = pick_bytes(codes ^ 0x80808080u, 0x4b000000u, 0x7440u | index);
  return bits_to_float(bits) - 8388736.0f;  // 2^23 + 128
}

/// Number `at` of a plane of floats.
template <Codes kCodes>
__device__ inline float read_float(const std::uint8_t* from, std::int64_t at) {
  if constexpr (kCodes == Codes::kFloat32) return reinterpret_cast<const float*>(from)[at];
  const std::uint16_t bits = reinterpret_cast<const std::uint16_t*>(from)[at];
  return kCodes == Codes::kHalf ? from_half(bits) : from_bfloat16(bits);
}

/// The value of a weight at `row` and `column`, exactly that of the file.
template <Codes kCodes>
__device__ inline float read_value(const WeightsView& w, std::int64_t row, std::int64_t column) {
  if constexpr (is_float(kCodes)) {
    return read_float<kCodes>(w.low, row * w.columns + column);
  } else {
    const int place = static_cast<int>(column % kBlock);
    PackedBlock<kCodes> packed;
    packed.read(w, row * (w.columns / kBlock) + column / kBlock);
    std::uint32_t codes[8];
    unpack<kCodes>(packed, w.table, codes);
    std::uint32_t word = 0;
#pragma unroll
    for (int q = 0; q < 8; ++q) word = place / 4 == q ? codes[q] : word;
    const GroupScale group = group_scale(w, row, column);
    const float code = code_to_float(word, place % 4) - w.offset;
    const float value = multiply_alone(group.scale, code);
    return w.has_minimum ? add_alone(value, -group.minimum) : value;
  }
}

}  // namespace linnet::cuda
