#include "backend/cuda/pack_weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "backend/cuda/cuda.hpp"
#include "base/checked.hpp"
#include "base/half.hpp"
#include "formats/all.hpp"
#include "formats/magnitude.hpp"

namespace linnet {

std::int64_t cuda_weight_bytes(const Format& format, std::int64_t elements) {
  // As one row; what aligning the parts of a weight adds is not worth counting.
  const auto plan = cuda::plan_weights({&format, nullptr, elements, 1});
  return plan ? plan->total_bytes : elements * 4;
}

}  // namespace linnet

namespace linnet::cuda {
namespace {

constexpr std::int64_t kAlignment = 256;  // bytes, of every part

// Rows of one part of the planes: where row 0 of the rows to pack begins.
struct RowParts {
  std::byte *low, *high, *scales, *supers;
};

struct Magnitudes {
  float largest = 0.0f;  // none is larger
  bool are_finite = true;
};

// Packs one row; gives the magnitudes of its weights.
using PackRow = Magnitudes (*)(const WeightsPlan& plan, const std::byte* from, std::int64_t columns,
                               const RowParts& to);

struct Range {
  float low, high;
};

struct Packing {
  WeightsView view;
  PackRow pack;
};

template <class T>
constexpr Codes codes_of() {
  if constexpr (T::code_bits == 8) return Codes::kBits8;
  if constexpr (T::code_bits == 6) return Codes::kBits6;
  if constexpr (T::code_bits == 5) return Codes::kBits5;
  if constexpr (T::code_bits == 4) return T::has_codebook ? Codes::kTable4 : Codes::kBits4;
  if constexpr (T::code_bits == 3) return T::has_codebook ? Codes::kTable3 : Codes::kBits3;
  if constexpr (T::code_bits == 2) return Codes::kBits2;
  return Codes::kBits1;
}

// A block's stored codes (each in a byte) as words of kBits bits from bit kShift on. Which codes
// share a word: see weights_view.hpp.
template <int kBits, int kShift>
void put_plane(const std::uint8_t* stored, std::byte* to) {
  constexpr int kWords = kBits, kFields = 8 / kBits;  // of 32 codes; of a byte
  constexpr std::uint32_t kMask = ((1u << kBits) - 1) * 0x01010101u;
  std::uint32_t quads[kBlock / 4], words[kWords] = {};
  std::memcpy(quads, stored, sizeof quads);
  for (int f = 0; f < kFields; ++f) {
    for (int w = 0; w < kWords; ++w) {
      const int quad = kBits == 4 ? w + kWords * f : w * kFields + f;
      words[w] |= (quads[quad] >> kShift & kMask) << (kBits * f);
    }
  }
  std::memcpy(to, words, sizeof words);
}

// A block's codes of 4 bits one after the other.
void put_nibbles(const std::uint8_t* stored, std::byte* to) {
  for (int word = 0; word < kBlock / 8; ++word) {
    std::uint32_t nibbles = 0;
    for (int half = 0; half < 2; ++half) {
      std::uint32_t four;
      std::memcpy(&four, stored + 8 * word + 4 * half, sizeof four);
      four = (four | four >> 4) & 0x00ff00ff;
      nibbles |= ((four | four >> 8) & 0xffff) << (16 * half);
    }
    std::memcpy(to + word * sizeof nibbles, &nibbles, sizeof nibbles);
  }
}

template <Codes kCodes>
void put_block(const std::uint8_t* stored, std::int64_t block, const RowParts& to) {
  constexpr int kLow = low_words(kCodes), kHigh = high_words(kCodes);
  if constexpr (kCodes == Codes::kTable4) return put_nibbles(stored, to.low + block * kLow * 4);
  put_plane<kLow, 0>(stored, to.low + block * kLow * 4);
  if constexpr (kHigh > 0) put_plane<kHigh, kLow>(stored, to.high + block * kHigh * 4);
}

void put_half(float value, std::int64_t at, std::byte* to) {
  const std::uint16_t half = float_to_half(value);
  std::memcpy(to + 2 * at, &half, sizeof half);
}

// The number that `scales` are multiples of. Nothing bounds it where they are all zero: times a
// half_factor it might be infinite.
float number_of(std::span<const std::int8_t> scales, float number) {
  return std::ranges::any_of(scales, [](int scale) { return scale != 0; }) ? number : 0.0f;
}

template <class T>
void put_scales(const typename T::Block& block, std::int64_t index, const RowParts& to,
                float* scales, float* minimums) {
  constexpr int kEach = T::has_minimum ? 2 : 1;
  const std::int64_t first = index * T::groups;
  if constexpr (T::has_super_scale) {
    static_assert(T::block_elements == kSuperBlock);
    formats::SuperScales<T::groups> super{};
    T::unpack_super_scales(block, super);
    for (int g = 0; g < T::groups; ++g) {
      to.scales[kEach * (first + g)] = static_cast<std::byte>(super.scales[g]);
      if constexpr (T::has_minimum) {
        to.scales[kEach * (first + g) + 1] = static_cast<std::byte>(super.minimums[g]);
      }
    }
    put_half(number_of(super.scales, super.super_scale), 2 * index, to.supers);
    put_half(T::has_minimum ? number_of(super.minimums, super.super_minimum) : 0.0f, 2 * index + 1,
             to.supers);
  } else {
    for (int g = 0; g < T::groups; ++g) {
      if constexpr (T::scales_fit_half) {
        put_half(scales[g], kEach * (first + g), to.scales);
      } else {  // powers of two
        const std::uint16_t upper = float_to_bfloat16(scales[g]);
        std::memcpy(to.scales + 2 * kEach * (first + g), &upper, sizeof upper);
      }
      if constexpr (T::has_minimum) put_half(minimums[g], kEach * (first + g) + 1, to.scales);
    }
  }
}

// The codes that a type can have at most.
template <class T>
constexpr Range kCodeRange = [] {
  if constexpr (T::has_codebook) {
    const auto used = std::span(T::codebook).first(1 << T::code_bits);
    const auto [least, most] = std::ranges::minmax(used);
    return Range{static_cast<float>(least), static_cast<float>(most)};
  } else {
    return Range{static_cast<float>(T::code_min),
                 static_cast<float>(T::code_min + (1 << T::code_bits) - 1)};
  }
}();

// No value of the group is larger in magnitude. Scales are chosen so that the largest code is near
// the end of its range, so this is no more than twice the largest value as a rule.
template <class T>
float bound_of_group(float scale, float minimum) {
  return std::max(std::fabs(scale * kCodeRange<T>.low - minimum),
                  std::fabs(scale * kCodeRange<T>.high - minimum));
}

template <class T>
Magnitudes pack_row(const WeightsPlan&, const std::byte* from, std::int64_t columns,
                    const RowParts& to) {
  float largest = 0.0f;
  std::int32_t largest_scale = 0;
  for (std::int64_t index = 0; index < columns / T::block_elements; ++index) {
    typename T::Block block;
    std::memcpy(&block, from + index * std::int64_t{sizeof block}, sizeof block);
    float scales[T::groups], minimums[T::groups] = {};
    formats::unpack_all_scales<T>(block, scales, minimums);
    for (int g = 0; g < T::groups; ++g) {
      largest = std::max(largest, bound_of_group<T>(scales[g], minimums[g]));
    }
    // Where they are multiples of one number of the block, the first tells of it.
    const std::size_t told = T::has_super_scale ? 1 : T::groups;
    largest_scale =
        std::max({largest_scale, formats::largest_magnitude(std::span(scales).first(told)),
                  formats::largest_magnitude(std::span(minimums).first(told))});
    std::uint8_t stored[T::block_elements];
    T::unpack_stored(block, stored);
    if constexpr (T::code_bits == 8) {  // bytes are signed on the device
      for (std::uint8_t& code : stored) code = static_cast<std::uint8_t>(code + T::code_min);
    }
    for (int i = 0; i < T::block_elements; i += kBlock) {
      put_block<codes_of<T>()>(stored + i, (index * T::block_elements + i) / kBlock, to);
    }
    put_scales<T>(block, index, to, scales, minimums);
  }
  return {largest, largest_scale < formats::kFloatInfinity};
}

template <class T>
constexpr Scales scales_of() {
  if constexpr (T::has_super_scale) return Scales::kSuper;
  return T::scales_fit_half ? Scales::kHalf : Scales::kBfloat16;
}

template <class T>
WeightsView view_of() {
  WeightsView view;
  view.codes = codes_of<T>();
  view.has_minimum = T::has_minimum;
  static_assert(!T::has_super_scale || T::group_elements == 16 || T::group_elements == kBlock);
  view.group_shift = std::countr_zero(static_cast<unsigned>(T::group_elements));
  view.scale_kind = scales_of<T>();
  if constexpr (T::has_super_scale) view.scale_factor = T::scale_factor;
  if constexpr (!T::has_codebook) {
    view.offset = T::code_bits == 8 ? 0.0f : static_cast<float>(-T::code_min);
  } else if constexpr (T::code_bits == 1) {  // value = 2 scale (code - 1/2)
    static_assert(T::codebook[0] == -1 && T::codebook[1] == 1);
    view.offset = 0.5f;
    view.scale_factor = 2.0f;
  } else {
    std::memcpy(view.table, T::codebook.data(), sizeof view.table);
  }
  if constexpr (T::has_codebook && T::code_bits == 4) {
    constexpr Layout kLayout{codes_of<T>(), scales_of<T>(), T::has_minimum,
                             T::group_elements == 16};
    static_assert(has_e2m1_codes(kLayout) == (T::codebook == formats::kE2m1Codebook));
  }
  return view;
}

// Binary16 and bfloat16 stay as they are.
template <std::int16_t kInfinity>
Magnitudes copy_row(const WeightsPlan& plan, const std::byte* from, std::int64_t columns,
                    const RowParts& to) {
  std::memcpy(to.low, from, static_cast<std::size_t>(plan.low_row));
  const auto largest = formats::largest_magnitude<std::int16_t>(from, columns);
  const auto bits = static_cast<std::uint16_t>(largest);
  return {kInfinity == formats::kHalfInfinity ? half_to_float(bits) : bfloat16_to_float(bits),
          largest < kInfinity};
}

// Types that are no weights as a rule (integers, float64) become float32.
Packing packing_of(const Format& format) {
  Packing packing{};
  const auto take = [&]<class T>() {
    if (format.type == T::type) packing = {view_of<T>(), pack_row<T>};
  };
  formats::for_each_quantised(take);
  if (packing.pack) return packing;
  if (format.type == TensorType::kF16) {
    packing.view.codes = Codes::kHalf;
    packing.pack = copy_row<formats::kHalfInfinity>;
  } else if (format.type == TensorType::kBF16) {
    packing.view.codes = Codes::kBfloat16;
    packing.pack = copy_row<formats::kBfloat16Infinity>;
  }
  return packing;
}

// Rows become float32.
Magnitudes dequantise_row(const Format& format, const std::byte* from, std::int64_t columns,
                          const RowParts& to) {
  auto* out = reinterpret_cast<float*>(to.low);  // rows of float32 are aligned to 4 bytes
  format.dequantize(from, out, columns);
  const std::int32_t largest = formats::largest_magnitude({out, static_cast<std::size_t>(columns)});
  return {std::bit_cast<float>(largest), largest < formats::kFloatInfinity};
}

void set_row_sizes(std::int64_t columns, WeightsPlan& plan) {
  const WeightsView& view = plan.view;
  if (is_float(view.codes)) {
    plan.low_row = columns * (view.codes == Codes::kFloat32 ? 4 : 2);
    return;
  }
  plan.low_row = columns / kBlock * low_words(view.codes) * 4;
  plan.high_row = columns / kBlock * high_words(view.codes) * 4;
  plan.scales_row = (columns >> view.group_shift) * scale_bytes(view.scale_kind, view.has_minimum);
  plan.supers_row = view.scale_kind == Scales::kSuper ? columns / kSuperBlock * 4 : 0;
}

}  // namespace

Result<WeightsPlan> plan_weights(const MatrixSource& source) {
  WeightsPlan plan;
  plan.view = packing_of(*source.format).view;
  plan.view.columns = source.columns;
  plan.view.rows = source.rows;
  set_row_sizes(source.columns, plan);
  const auto rows = checked_multiply(static_cast<std::uint64_t>(source.rows),
                                     static_cast<std::uint64_t>(source.slices));
  std::optional<std::uint64_t> end = 0;
  const auto place = [&](std::int64_t row_bytes, std::int64_t& offset) {
    if (!rows || !end) return;
    offset = static_cast<std::int64_t>(*end);
    const auto bytes = checked_multiply(*rows, static_cast<std::uint64_t>(row_bytes));
    end = bytes ? checked_add(*end, *bytes) : bytes;
    if (end) end = checked_align_up(*end, kAlignment);
  };
  place(plan.low_row, plan.low);
  place(plan.high_row, plan.high);
  place(plan.scales_row, plan.scales);
  place(plan.supers_row, plan.supers);
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 62;
  constexpr std::uint64_t kMostRows = std::numeric_limits<std::uint32_t>::max();
  if (!rows || *rows > kMostRows || !end || *end > kMostBytes) {
    return Error{"the weight is too large"};
  }
  plan.total_bytes = static_cast<std::int64_t>(*end);
  return plan;
}

Result<float> pack_rows(const MatrixSource& source, const WeightsPlan& plan, std::int64_t first,
                        std::int64_t count, ThreadPool& pool, std::byte* to) {
  const PackRow pack = packing_of(*source.format).pack;
  const std::int64_t row_bytes = source.format->size_bytes(source.columns);
  RowParts begin{};
  begin.low = to;
  begin.high = begin.low + count * plan.low_row;
  begin.scales = begin.high + count * plan.high_row;
  begin.supers = begin.scales + count * plan.scales_row;
  std::vector<Magnitudes> magnitudes(static_cast<std::size_t>(count));
  pool.parallel_for(count, [&](std::int64_t i) {
    const std::byte* from = source.bytes + (first + i) * row_bytes;
    const RowParts row{begin.low + i * plan.low_row, begin.high + i * plan.high_row,
                       begin.scales + i * plan.scales_row, begin.supers + i * plan.supers_row};
    magnitudes[static_cast<std::size_t>(i)] =
        pack ? pack(plan, from, source.columns, row)
             : dequantise_row(*source.format, from, source.columns, row);
  });
  float largest = 0.0f;
  for (const Magnitudes& row : magnitudes) {
    if (!row.are_finite) return Error{std::string(formats::kNotFinite)};
    largest = std::max(largest, row.largest);
  }
  return largest;
}

void set_half_factor(float largest, WeightsView& view) {
  if (view.codes == Codes::kHalf || !(largest > 0.0f) || !std::isfinite(largest)) return;
  const int wanted = has_e2m1_codes(view.layout()) ? 3 : 13;
  const int shift = std::clamp(wanted - std::ilogb(largest), -100, 100);
  view.half_factor = std::ldexp(1.0f, shift);
  view.half_inverse = std::ldexp(1.0f, -shift);
}

}  // namespace linnet::cuda
