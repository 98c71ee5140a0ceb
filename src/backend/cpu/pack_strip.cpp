#include "backend/cpu/pack_strip.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "backend/cpu/pack_int16.hpp"
#include "base/half.hpp"
#include "formats/all.hpp"
#include "formats/magnitude.hpp"

namespace linnet::cpu {
namespace {

// The stored codes of a panel, by rows.
using PanelCodes = std::array<std::array<std::uint8_t, kPanel>, kLanes>;
// The 64 bytes of a quad of inputs: four bytes a row.
using Quad = std::array<std::uint8_t, 4 * kLanes>;

// Register r of a plane holds the quads r, r + bits, r + 2 bits, ...: see plane_place. The memory
// is written without being read before, which would make the kernel map it twice.
template <int kBits, int kSkippedBits>
void pack_plane(const std::array<Quad, 8>& quads, std::uint8_t* to) {
  constexpr int kMask = (1 << kBits) - 1;
  for (int r = 0; r < kBits; ++r) {
    Quad bytes{};
    for (int quad = r; quad < 8; quad += kBits) {
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] |=
            static_cast<std::uint8_t>((quads[quad][i] >> kSkippedBits & kMask) << (quad - r));
      }
    }
    std::memcpy(to + 64 * r, bytes.data(), bytes.size());
  }
}

template <class T>
void pack_codes(const PanelCodes& codes, std::int64_t inputs, std::uint8_t* block) {
  static constexpr Layout kLayout = layout_of<T>();
  for (std::int64_t first = 0; first < inputs; first += kBlock) {
    std::array<Quad, 8> quads;
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      for (int quad = 0; quad < 8; ++quad) {
        std::memcpy(quads[quad].data() + 4 * lane, codes[lane].data() + first + 4 * quad, 4);
      }
    }
    pack_plane<kLayout.low_bits, 0>(quads, block);
    if constexpr (kLayout.high_bits > 0) {
      pack_plane<kLayout.high_bits, kLayout.low_bits>(quads, block + 64 * kLayout.low_bits);
    }
    block += kLayout.block_bytes();
  }
}

void put_half(std::uint8_t* halves, std::int64_t lane, float value) {
  const std::uint16_t half = float_to_half(value);
  std::memcpy(halves + 2 * lane, &half, sizeof half);
}

float get_half(const std::uint8_t* halves, std::int64_t lane) {
  std::uint16_t half;
  std::memcpy(&half, halves + 2 * lane, sizeof half);
  return half_to_float(half);
}

// Half of a positive E4M3 number: its bits are those of a float32 with a smaller exponent.
float half_of_e4m3(std::uint8_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 20) * 0x1p119f;
}

std::uint8_t to_e4m3(float half_value) {
  return static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(half_value * 0x1p-119f) >> 20);
}

// The scale or minimum of a row in the group at `group`.
void put_scale(ScaleKind kind, std::uint8_t* group, std::int64_t lane, float value) {
  switch (kind) {
    case ScaleKind::kHalf:
      return put_half(group, lane, value);
    case ScaleKind::kPowerOfTwo:
      group[lane] = static_cast<std::uint8_t>(std::ilogb(value) + 128);
      return;
    case ScaleKind::kE4m3:
      group[lane] = to_e4m3(value);
      return;
    case ScaleKind::kSuper:  // written as integers
      return;
  }
}

// Whether scales are numbers, and those that the kernels make the same ones of: for them the
// largest power of two is NaN, as it is in the format's definition (E8M0).
bool are_sound(ScaleKind kind, std::span<const float> scales) {
  const auto is_beyond = [](float scale) { return scale >= 0x1p127f; };
  return formats::are_finite(scales) &&
         (kind != ScaleKind::kPowerOfTwo || std::ranges::none_of(scales, is_beyond));
}

float get_scale(ScaleKind kind, const std::uint8_t* group, std::int64_t lane) {
  switch (kind) {
    case ScaleKind::kHalf:
      return get_half(group, lane);
    case ScaleKind::kPowerOfTwo:
      return std::ldexp(1.0f, group[lane] - 128);
    case ScaleKind::kE4m3:
      return half_of_e4m3(group[lane]);
    case ScaleKind::kSuper:
      return static_cast<float>(static_cast<std::int8_t>(group[lane]));
  }
  return 0.0f;
}

// The scales of the block of a row whose first group in the panel is `group`; whether they are
// finite.
template <class T>
bool pack_scales(const Layout& layout, const typename T::Block& block, std::int64_t inputs,
                 std::int64_t group, std::int64_t lane, std::uint8_t* panel) {
  std::uint8_t* scales = panel + group * layout.scale_bytes();
  std::uint8_t* minimums = panel + layout.minimums_at(inputs) + group * layout.scale_bytes();
  if constexpr (T::has_super_scale) {
    formats::SuperScales<T::groups> super;
    T::unpack_super_scales(block, super);
    for (int g = 0; g < T::groups; ++g) {
      scales[g * kLanes + lane] = static_cast<std::uint8_t>(super.scales[g]);
      if (T::has_minimum) {
        minimums[g * kLanes + lane] = static_cast<std::uint8_t>(super.minimums[g]);
      }
    }
    std::uint8_t* supers = panel + layout.supers_at(inputs);
    put_half(supers, lane, super.super_scale);
    if (T::has_minimum) put_half(supers + 2 * kLanes, lane, super.super_minimum);
    return std::isfinite(super.super_scale) &&
           (!T::has_minimum || std::isfinite(super.super_minimum));
  } else {
    float scale_values[T::groups];
    float minimum_values[T::groups] = {};
    if constexpr (T::has_minimum) {
      T::unpack_scales(block, scale_values, minimum_values);
    } else {
      T::unpack_scales(block, scale_values);
    }
    for (int g = 0; g < T::groups; ++g) {
      const std::int64_t at = g * layout.scale_bytes();
      put_scale(layout.scales, scales + at, lane, scale_values[g]);
      if (T::has_minimum) put_scale(layout.scales, minimums + at, lane, minimum_values[g]);
    }
    return are_sound(layout.scales, scale_values) && formats::are_finite(minimum_values);
  }
}

template <class T>
bool pack_panel(const Layout& layout, const PackedRows& from, std::int64_t first,
                std::int64_t inputs, std::uint8_t* panel) {
  PanelCodes codes{};
  bool finite = true;
  for (std::int64_t lane = 0; lane < from.rows; ++lane) {
    const std::byte* bytes = from.bytes + lane * from.row_bytes + from.format->size_bytes(first);
    for (std::int64_t i = 0; i < inputs; i += T::block_elements) {
      typename T::Block block;
      std::memcpy(&block, bytes, sizeof block);
      bytes += sizeof block;
      T::unpack_stored(block, codes[lane].data() + i);
      finite &= pack_scales<T>(layout, block, inputs, i / T::group_elements, lane, panel);
    }
  }
  pack_codes<T>(codes, inputs, panel + layout.codes_at(inputs));
  return finite;
}

template <class T>
bool pack_integers(const Layout& layout, const PackedRows& from, std::uint8_t* strip) {
  bool finite = true;
  for (std::int64_t first = 0; first < from.columns; first += kPanel) {
    const std::int64_t inputs = std::min(kPanel, from.columns - first);
    finite &= pack_panel<T>(layout, from, first, inputs, strip);
    strip += layout.panel_bytes(inputs);
  }
  return finite;
}

// F32 and the rare types that weights come in otherwise (F64, integers).
bool pack_floats(const PackedRows& from, std::uint8_t* strip) {
  bool finite = true;
  std::vector<float> row(static_cast<std::size_t>(from.columns));
  auto* to = reinterpret_cast<float*>(strip);
  for (std::int64_t lane = 0; lane < from.rows; ++lane) {
    from.format->dequantize(from.bytes + lane * from.row_bytes, row.data(), from.columns);
    for (std::int64_t c = 0; c < from.columns; ++c) to[c * kLanes + lane] = row[c];
    finite &= formats::are_finite(row);
  }
  return finite;
}

int get_code(const Layout& layout, const std::uint8_t* block, std::int64_t lane,
             std::int64_t input) {
  const auto bits_of = [&](int bits, const std::uint8_t* plane) {
    const PlanePlace place = plane_place(bits, lane, input);
    return plane[place.byte] >> place.shift & ((1 << bits) - 1);
  };
  int code = bits_of(layout.low_bits, block);
  if (layout.high_bits > 0) {
    code |= bits_of(layout.high_bits, block + 64 * layout.low_bits) << layout.low_bits;
  }
  return (layout.has_table ? layout.table[code] : code) - layout.offset;
}

void unpack_panel_lane(const Layout& layout, const std::uint8_t* panel, std::int64_t lane,
                       std::int64_t inputs, float* out) {
  const std::uint8_t* supers = panel + layout.supers_at(inputs);
  const std::uint8_t* blocks = panel + layout.codes_at(inputs);
  const bool has_supers = layout.scales == ScaleKind::kSuper;
  const float super_scale = has_supers ? layout.scale_factor * get_half(supers, lane) : 1.0f;
  const float super_minimum =
      has_supers && layout.has_minimum ? get_half(supers + 2 * kLanes, lane) : 1.0f;
  for (std::int64_t i = 0; i < inputs; ++i) {
    const std::int64_t group = i / layout.group_inputs * layout.scale_bytes();
    const int code = get_code(layout, blocks + i / kBlock * layout.block_bytes(), lane, i % kBlock);
    const float scale = super_scale * get_scale(layout.scales, panel + group, lane);
    out[i] = scale * static_cast<float>(code);
    if (layout.has_minimum) {
      out[i] -= super_minimum *
                get_scale(layout.scales, panel + layout.minimums_at(inputs) + group, lane);
    }
  }
}

}  // namespace

bool pack_strip(const Layout& layout, const PackedRows& from, std::uint8_t* strip) {
  if (layout.codes == Codes::kFloat32) return pack_floats(from, strip);
  if (layout.codes == Codes::kInt16) return pack_int16(from, strip);
  bool finite = true;
  formats::for_each_quantised([&]<class T>() {
    if (T::type == from.format->type) finite = pack_integers<T>(layout, from, strip);
  });
  return finite;
}

void unpack_lane(const Layout& layout, const std::uint8_t* strip, std::int64_t lane,
                 std::int64_t columns, float* out) {
  if (layout.codes == Codes::kInt16) return unpack_int16(strip, lane, columns, out);
  if (layout.codes == Codes::kFloat32) {
    const auto* floats = reinterpret_cast<const float*>(strip);
    for (std::int64_t c = 0; c < columns; ++c) out[c] = floats[c * kLanes + lane];
    return;
  }
  for (std::int64_t first = 0; first < columns; first += kPanel) {
    const std::int64_t inputs = std::min(kPanel, columns - first);
    unpack_panel_lane(layout, strip, lane, inputs, out + first);
    strip += layout.panel_bytes(inputs);
  }
}

}  // namespace linnet::cpu
