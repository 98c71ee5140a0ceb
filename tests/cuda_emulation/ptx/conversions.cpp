// cvt (PTX ISA 9.7.9.21), cvta (9.7.9.20)

#include <array>
#include <cmath>

#include "base/half.hpp"
#include "families.hpp"
#include "number_types.hpp"
#include "warp.hpp"

namespace linnet::ptx {
namespace {

// d = f(a), of numbers of any width in registers that may be wider.
template <class From, class To, auto f>
void convert(const Instruction& in, Warp& warp, Lanes lanes) {
  each(lanes, [&](int l) {
    warp.write<To>(in.operands[0], l, static_cast<To>(f(warp.read<From>(in.operands[1], l))));
  });
}

constexpr auto kAsItIs = [](auto a) { return a; };
constexpr auto kNearest = [](auto a) { return std::nearbyint(a); };
constexpr auto kTowardsZero = [](auto a) { return std::trunc(a); };
constexpr auto kSaturated = [](float a) { return a > 0 ? std::fmin(a, 1.0f) : 0.0f; };

// Numbers that are too large become the largest, NaNs zero.
template <auto round>
constexpr auto kToInteger = [](float a) {
  const double whole = std::isnan(a) ? 0.0 : static_cast<double>(round(a));
  return static_cast<std::int32_t>(std::fmin(std::fmax(whole, -2147483648.0), 2147483647.0));
};

// d = f(a) and f(b), the first in the upper half.
template <auto f, class Half, class Both>
void convert_two(const Instruction& in, Warp& warp, Lanes lanes) {
  each(lanes, [&](int l) {
    const auto upper = static_cast<Both>(f(warp.read<float>(in.operands[1], l)));
    const auto lower = static_cast<Half>(f(warp.read<float>(in.operands[2], l)));
    warp.write<Both>(in.operands[0], l, static_cast<Both>(upper << (8 * sizeof(Half)) | lower));
  });
}

// Two bytes of an 8-bit format become two halves, in their order.
void convert_e4m3(const Instruction& in, Warp& warp, Lanes lanes) {
  each(lanes, [&](int l) {
    const auto both = warp.read<std::uint16_t>(in.operands[1], l);
    const auto half = [](int bits) {
      return std::uint32_t{float_to_half(e4m3_to_float(static_cast<std::uint8_t>(bits)))};
    };
    warp.write(in.operands[0], l, half(both >> 8) << 16 | half(both));
  });
}

// Addresses of shared memory are not those that all memory shares, the others are.
template <int kSign>
void convert_shared_address(const Instruction& in, Warp& warp, Lanes lanes) {
  const auto base =
      reinterpret_cast<std::uint64_t>(warp.block().shared.data()) - std::uint64_t{kSharedBase};
  each(lanes, [&](int l) {
    const auto address = warp.read<std::uint64_t>(in.operands[1], l);
    warp.write<std::uint64_t>(in.operands[0], l, kSign > 0 ? address + base : address - base);
  });
}

constexpr std::array kOperations = {
    NamedOperation{"cvt.s16.s8", convert<S8, S16, kAsItIs>},
    NamedOperation{"cvt.s32.s8", convert<S8, S32, kAsItIs>},
    NamedOperation{"cvt.s32.s16", convert<S16, S32, kAsItIs>},
    NamedOperation{"cvt.s64.s32", convert<S32, S64, kAsItIs>},
    NamedOperation{"cvt.s64.s16", convert<S16, S64, kAsItIs>},
    NamedOperation{"cvt.s64.s8", convert<S8, S64, kAsItIs>},
    NamedOperation{"cvt.u16.u8", convert<U8, U16, kAsItIs>},
    NamedOperation{"cvt.u16.u32", convert<U32, U16, kAsItIs>},
    NamedOperation{"cvt.u16.u64", convert<U64, U16, kAsItIs>},
    NamedOperation{"cvt.u32.u8", convert<U8, U32, kAsItIs>},
    NamedOperation{"cvt.u32.u16", convert<U16, U32, kAsItIs>},
    NamedOperation{"cvt.u32.u64", convert<U64, U32, kAsItIs>},
    NamedOperation{"cvt.u64.u8", convert<U8, U64, kAsItIs>},
    NamedOperation{"cvt.u64.u16", convert<U16, U64, kAsItIs>},
    NamedOperation{"cvt.u64.u32", convert<U32, U64, kAsItIs>},
    NamedOperation{"cvt.rn.f32.s8", convert<S8, float, kAsItIs>},
    NamedOperation{"cvt.rn.f32.s16", convert<S16, float, kAsItIs>},
    NamedOperation{"cvt.rn.f32.s32", convert<S32, float, kAsItIs>},
    NamedOperation{"cvt.rn.f32.s64", convert<S64, float, kAsItIs>},
    NamedOperation{"cvt.rn.f32.u8", convert<U8, float, kAsItIs>},
    NamedOperation{"cvt.rn.f32.u16", convert<U16, float, kAsItIs>},
    NamedOperation{"cvt.rn.f32.u32", convert<U32, float, kAsItIs>},
    NamedOperation{"cvt.rn.f64.s32", convert<S32, double, kAsItIs>},
    NamedOperation{"cvt.rn.f64.s64", convert<S64, double, kAsItIs>},
    NamedOperation{"cvt.rn.f32.f64", convert<double, float, kAsItIs>},
    NamedOperation{"cvt.f64.f32", convert<float, double, kAsItIs>},
    NamedOperation{"cvt.sat.f32.f32", convert<float, float, kSaturated>},
    NamedOperation{"cvt.rni.f32.f32", convert<float, float, kNearest>},
    NamedOperation{"cvt.rzi.f32.f32", convert<float, float, kTowardsZero>},
    NamedOperation{"cvt.rni.f64.f64", convert<double, double, kNearest>},
    NamedOperation{"cvt.rni.s32.f32", convert<float, S32, kToInteger<kNearest>>},
    NamedOperation{"cvt.rzi.s32.f32", convert<float, S32, kToInteger<kTowardsZero>>},
    NamedOperation{"cvt.f32.f16", convert<U16, float, half_to_float>},
    NamedOperation{"cvt.rn.f16.f32", convert<float, U16, float_to_half>},
    NamedOperation{"cvt.rn.bf16.f32", convert<float, U16, float_to_bfloat16>},
    NamedOperation{"cvt.rn.f16x2.f32", convert_two<float_to_half, U16, U32>},
    NamedOperation{"cvt.rn.bf16x2.f32", convert_two<float_to_bfloat16, U16, U32>},
    NamedOperation{"cvt.rn.satfinite.e4m3x2.f32", convert_two<float_to_e4m3, U8, U16>},
    NamedOperation{"cvt.rn.f16x2.e4m3x2", convert_e4m3},
    NamedOperation{"cvta.to.global.u64", convert<U64, U64, kAsItIs>},
    NamedOperation{"cvta.to.local.u64", convert<U64, U64, kAsItIs>},
    NamedOperation{"cvta.local.u64", convert<U64, U64, kAsItIs>},
    NamedOperation{"cvta.global.u64", convert<U64, U64, kAsItIs>},
    NamedOperation{"cvta.shared.u64", convert_shared_address<1>},
    NamedOperation{"cvta.to.shared.u64", convert_shared_address<-1>},
};

}  // namespace

std::span<const NamedOperation> conversions() { return kOperations; }

}  // namespace linnet::ptx
