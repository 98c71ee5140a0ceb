// Arithmetic, comparisons and moves of numbers (PTX ISA 9.7.1 to 9.7.9).

#include <algorithm>
#include <array>
#include <cfenv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/half.hpp"
#include "families.hpp"
#include "number_types.hpp"
#include "warp.hpp"

namespace linnet::ptx {
namespace {

// d = f(a)
template <class T, auto f, class D = T>
void unary(const Instruction& in, Warp& warp, Lanes lanes) {
  D* d = warp.registers<D>(in.operands[0]);
  const T* a = warp.registers<T>(in.operands[1]);
  each(lanes, [&](int l) { d[l] = static_cast<D>(f(a[l])); });
}

// d = f(a, b)
template <class T, auto f, class B = T, class D = T>
void binary(const Instruction& in, Warp& warp, Lanes lanes) {
  D* d = warp.registers<D>(in.operands[0]);
  const T* a = warp.registers<T>(in.operands[1]);
  const B* b = warp.registers<B>(in.operands[2]);
  each(lanes, [&](int l) { d[l] = static_cast<D>(f(a[l], b[l])); });
}

// d = f(a, b, c)
template <class T, auto f, class C = T, class D = T>
void ternary(const Instruction& in, Warp& warp, Lanes lanes) {
  D* d = warp.registers<D>(in.operands[0]);
  const T* a = warp.registers<T>(in.operands[1]);
  const T* b = warp.registers<T>(in.operands[2]);
  const C* c = warp.registers<C>(in.operands[3]);
  each(lanes, [&](int l) { d[l] = static_cast<D>(f(a[l], b[l], c[l])); });
}

// d = the bits that the table of the last operand gives for those of a, b and c
void combine_bits(const Instruction& in, Warp& warp, Lanes lanes) {
  U32* d = warp.registers<U32>(in.operands[0]);
  const U32* from[3];
  for (std::size_t i = 0; i < 3; ++i) from[i] = warp.registers<U32>(in.operands[i + 1]);
  const U32* table = warp.registers<U32>(in.operands[4]);
  each(lanes, [&](int l) {
    U32 result = 0;
    for (U32 row = 0; row < 8; ++row) {
      if ((table[l] >> row & 1) == 0) continue;
      U32 bits = ~U32{0};
      for (std::size_t i = 0; i < 3; ++i) bits &= row >> (2 - i) & 1 ? from[i][l] : ~from[i][l];
      result |= bits;
    }
    d[l] = result;
  });
}

// The same with numbers rounded in one direction.
template <int kRounding, Operation kOperation>
void rounded(const Instruction& in, Warp& warp, Lanes lanes) {
  std::fesetround(kRounding);
  kOperation(in, warp, lanes);
  std::fesetround(FE_TONEAREST);
}

// d = a compared to b
template <class T, auto f>
void compare(const Instruction& in, Warp& warp, Lanes lanes) {
  const T* a = warp.registers<T>(in.operands[1]);
  const T* b = warp.registers<T>(in.operands[2]);
  Lanes result = 0;
  each(lanes, [&](int l) { result |= Lanes{f(a[l], b[l])} << l; });
  Lanes& d = warp.predicate(in.operands[0]);
  d = (d & ~lanes) | result;
}

// d = f(a, b) of predicates
template <auto f>
void logic(const Instruction& in, Warp& warp, Lanes lanes) {
  const Lanes result = f(warp.read_predicate(in.operands[1]),
                         in.operands.size() > 2 ? warp.read_predicate(in.operands[2]) : 0);
  Lanes& d = warp.predicate(in.operands[0]);
  d = (d & ~lanes) | (result & lanes);
}

// d = c ? a : b
template <class T>
void select(const Instruction& in, Warp& warp, Lanes lanes) {
  T* d = warp.registers<T>(in.operands[0]);
  const T* a = warp.registers<T>(in.operands[1]);
  const T* b = warp.registers<T>(in.operands[2]);
  const Lanes c = warp.read_predicate(in.operands[3]);
  each(lanes, [&](int l) { d[l] = (c >> l & 1) != 0 ? a[l] : b[l]; });
}

// d = a, where one of them may be several registers that are one together.
template <class T>
void move(const Instruction& in, Warp& warp, Lanes lanes) {
  const int to = in.counts[0], from = in.counts[1];
  each(lanes, [&](int l) {
    T value{};
    std::byte bytes[sizeof(T)];
    const std::size_t piece = sizeof(T) / static_cast<std::size_t>(from);
    for (int i = 0; i < from; ++i) {
      const auto part = warp.read<U64>(in.operands[to + i], l);
      std::memcpy(bytes + i * piece, &part, piece);
    }
    std::memcpy(&value, bytes, sizeof value);
    const std::size_t target = sizeof(T) / static_cast<std::size_t>(to);
    for (int i = 0; i < to; ++i) {
      std::memcpy(warp.registers<std::byte>(in.operands[i]) + l * target, bytes + i * target,
                  target);
    }
  });
}

template <class T>
T wrap(std::make_unsigned_t<T> value) {
  return static_cast<T>(value);
}
template <class T>
auto bits(T value) {
  // Wide enough that products of 16 bits are not signed ones.
  using Unsigned = std::make_unsigned_t<T>;
  return static_cast<std::conditional_t<sizeof(T) == 2, U32, Unsigned>>(
      static_cast<Unsigned>(value));
}

constexpr auto kAdd = [](auto a, auto b) { return bits(a) + bits(b); };
constexpr auto kSubtract = [](auto a, auto b) { return bits(a) - bits(b); };
constexpr auto kMultiply = [](auto a, auto b) { return bits(a) * bits(b); };
constexpr auto kMultiplyAdd = [](auto a, auto b, auto c) { return bits(a) * bits(b) + bits(c); };
constexpr auto kNegate = [](auto a) { return 0 - bits(a); };
constexpr auto kAbsolute = [](auto a) { return a < 0 ? 0 - bits(a) : bits(a); };
// What a division by zero gives is not specified.
constexpr auto kDivide = [](auto a, auto b) {
  using T = decltype(a);
  if (b == 0) return static_cast<T>(-1);
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(0 - bits(a));
  return static_cast<T>(a / b);
};
constexpr auto kRemainder = [](auto a, auto b) {
  using T = decltype(a);
  if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1))) return T{0};
  return static_cast<T>(a % b);
};
constexpr auto kLess = [](auto a, auto b) { return std::min(a, b); };
constexpr auto kMore = [](auto a, auto b) { return std::max(a, b); };
constexpr auto kAnd = [](auto a, auto b) { return a & b; };
constexpr auto kOr = [](auto a, auto b) { return a | b; };
constexpr auto kXor = [](auto a, auto b) { return a ^ b; };
constexpr auto kNot = [](auto a) { return ~a; };
constexpr auto kNotLanes = [](Lanes a, Lanes) { return ~a; };
constexpr auto kSame = [](Lanes a, Lanes) { return a; };
constexpr auto kHigh32 = [](auto a, auto b) {
  using Wide = std::conditional_t<std::is_signed_v<decltype(a)>, S64, U64>;
  return static_cast<Wide>(a) * static_cast<Wide>(b) >> 32;
};
template <class Wide>
constexpr auto kWide = [](auto a, auto b) { return static_cast<Wide>(a) * static_cast<Wide>(b); };
template <class Wide>
constexpr auto kWideAdd =
    [](auto a, auto b, auto c) { return static_cast<Wide>(a) * static_cast<Wide>(b) + c; };

// Shifts by more than a number has bits leave nothing, or its sign.
constexpr auto kLeft = [](auto a, U32 by) {
  return by >= sizeof(a) * 8 ? decltype(a){0} : static_cast<decltype(a)>(a << by);
};
constexpr auto kRight = [](auto a, U32 by) {
  const U32 most = sizeof(a) * 8 - 1;
  if (by > most) return static_cast<decltype(a)>(std::is_signed_v<decltype(a)> ? a >> most : 0);
  return static_cast<decltype(a)>(a >> by);
};

// Byte i of the result is the one of b:a that nibble i names; its sign alone if the nibble says so.
constexpr auto kPermute = [](U32 a, U32 b, U32 selector) {
  const U64 from = U64{b} << 32 | a;
  U32 result = 0;
  for (int i = 0; i < 4; ++i) {
    const U32 nibble = selector >> (4 * i) & 15;
    U32 byte = static_cast<U32>(from >> (8 * (nibble & 7)) & 255);
    if ((nibble & 8) != 0) byte = (byte & 128) != 0 ? 255 : 0;
    result |= byte << (8 * i);
  }
  return result;
};
constexpr auto kDot4 = [](S32 a, S32 b, S32 c) {
  U32 sum = bits(c);
  for (int i = 0; i < 4; ++i) {
    const auto x = static_cast<std::int8_t>(a >> (8 * i)),
               y = static_cast<std::int8_t>(b >> (8 * i));
    sum += static_cast<U32>(x * y);
  }
  return sum;
};

// d = b with the lowest bits of a put into it
template <class T>
void insert_bits(const Instruction& in, Warp& warp, Lanes lanes) {
  T* d = warp.registers<T>(in.operands[0]);
  const T* a = warp.registers<T>(in.operands[1]);
  const T* b = warp.registers<T>(in.operands[2]);
  const U32* first = warp.registers<U32>(in.operands[3]);
  const U32* count = warp.registers<U32>(in.operands[4]);
  each(lanes, [&](int l) {
    const U32 at = first[l] & 255, size = count[l] & 255;
    const T ones = size >= sizeof(T) * 8 ? ~T{0} : static_cast<T>((T{1} << size) - 1);
    const T mask = kLeft(ones, at);
    d[l] = (b[l] & ~mask) | (kLeft(a[l], at) & mask);
  });
}

constexpr auto kFloatAdd = [](auto a, auto b) { return a + b; };
constexpr auto kFloatSubtract = [](auto a, auto b) { return a - b; };
constexpr auto kFloatMultiply = [](auto a, auto b) { return a * b; };
constexpr auto kFloatDivide = [](auto a, auto b) { return a / b; };
constexpr auto kFused = [](auto a, auto b, auto c) { return std::fma(a, b, c); };
constexpr auto kFloatNegate = [](auto a) { return -a; };
constexpr auto kFloatAbsolute = [](auto a) { return std::fabs(a); };
// Of a number and a NaN it is the number.
constexpr auto kFloatLess = [](auto a, auto b) { return std::fmin(a, b); };
constexpr auto kFloatMore = [](auto a, auto b) { return std::fmax(a, b); };
constexpr auto kRoot = [](auto a) { return std::sqrt(a); };
constexpr auto kReciprocal = [](auto a) { return 1 / a; };
constexpr auto kPower = [](F32 a) { return std::exp2(a); };
constexpr F32 without_subnormals(F32 a) {
  return std::fabs(a) < std::numeric_limits<F32>::min() ? std::copysign(0.0f, a) : a;
}
constexpr auto kPowerFlushed = [](F32 a) {
  return without_subnormals(std::exp2(without_subnormals(a)));
};
constexpr auto kReciprocalFlushed = [](F32 a) {
  return without_subnormals(1 / without_subnormals(a));
};
constexpr auto kSignOf = [](F32 sign, F32 value) { return std::copysign(value, sign); };

// Two binary16 numbers at once.
template <class F>
U32 halves(F f) {
  return float_to_half(f(0)) | U32{float_to_half(f(16))} << 16;
}
float half_at(U32 bits, int shift) { return half_to_float(static_cast<U16>(bits >> shift)); }
constexpr auto kHalvesSubtract = [](U32 a, U32 b) {
  return halves([&](int at) { return half_at(a, at) - half_at(b, at); });
};
constexpr auto kHalvesMultiply = [](U32 a, U32 b) {
  return halves([&](int at) { return half_at(a, at) * half_at(b, at); });
};
constexpr auto kHalvesFused = [](U32 a, U32 b, U32 c) {
  return halves([&](int at) { return std::fma(half_at(a, at), half_at(b, at), half_at(c, at)); });
};

constexpr auto kEqual = [](auto a, auto b) { return a == b; };
constexpr auto kUnequal = [](auto a, auto b) { return a < b || a > b; };
constexpr auto kBelow = [](auto a, auto b) { return a < b; };
constexpr auto kAtMost = [](auto a, auto b) { return a <= b; };
constexpr auto kAbove = [](auto a, auto b) { return a > b; };
constexpr auto kAtLeast = [](auto a, auto b) { return a >= b; };
// True where one is a NaN.
constexpr auto kEqualOrNan = [](auto a, auto b) { return !(a < b || a > b); };
constexpr auto kUnequalOrNan = [](auto a, auto b) { return a != b; };
constexpr auto kBelowOrNan = [](auto a, auto b) { return !(a >= b); };
constexpr auto kAtMostOrNan = [](auto a, auto b) { return !(a > b); };
constexpr auto kAboveOrNan = [](auto a, auto b) { return !(a <= b); };
constexpr auto kAtLeastOrNan = [](auto a, auto b) { return !(a < b); };
constexpr auto kNumbers = [](auto a, auto b) { return a == a && b == b; };
constexpr auto kNans = [](auto a, auto b) { return a != a || b != b; };

constexpr std::array kOperations = {
    NamedOperation{"add.s16", binary<S16, kAdd>},
    NamedOperation{"add.s32", binary<S32, kAdd>},
    NamedOperation{"add.s64", binary<S64, kAdd>},
    NamedOperation{"add.u32", binary<U32, kAdd>},
    NamedOperation{"add.u64", binary<U64, kAdd>},
    NamedOperation{"sub.s16", binary<S16, kSubtract>},
    NamedOperation{"sub.s32", binary<S32, kSubtract>},
    NamedOperation{"sub.s64", binary<S64, kSubtract>},
    NamedOperation{"mul.lo.s16", binary<S16, kMultiply>},
    NamedOperation{"mul.lo.s32", binary<S32, kMultiply>},
    NamedOperation{"mul.lo.s64", binary<S64, kMultiply>},
    NamedOperation{"mul.hi.s32", binary<S32, kHigh32>},
    NamedOperation{"mul.hi.u32", binary<U32, kHigh32>},
    NamedOperation{"mul.wide.u16", binary<U16, kWide<U32>, U16, U32>},
    NamedOperation{"mul.wide.s16", binary<S16, kWide<S32>, S16, S32>},
    NamedOperation{"mul.wide.s32", binary<S32, kWide<S64>, S32, S64>},
    NamedOperation{"mul.wide.u32", binary<U32, kWide<U64>, U32, U64>},
    NamedOperation{"mad.lo.s32", ternary<S32, kMultiplyAdd>},
    NamedOperation{"mad.lo.s64", ternary<S64, kMultiplyAdd>},
    NamedOperation{"mad.wide.s32", ternary<S32, kWideAdd<S64>, S64, S64>},
    NamedOperation{"mad.wide.u32", ternary<U32, kWideAdd<U64>, U64, U64>},
    NamedOperation{"div.s32", binary<S32, kDivide>},
    NamedOperation{"div.u32", binary<U32, kDivide>},
    NamedOperation{"div.s64", binary<S64, kDivide>},
    NamedOperation{"div.u64", binary<U64, kDivide>},
    NamedOperation{"rem.s32", binary<S32, kRemainder>},
    NamedOperation{"rem.u32", binary<U32, kRemainder>},
    NamedOperation{"rem.s64", binary<S64, kRemainder>},
    NamedOperation{"rem.u64", binary<U64, kRemainder>},
    NamedOperation{"neg.s16", unary<S16, kNegate>},
    NamedOperation{"neg.s32", unary<S32, kNegate>},
    NamedOperation{"neg.s64", unary<S64, kNegate>},
    NamedOperation{"abs.s32", unary<S32, kAbsolute>},
    NamedOperation{"abs.s64", unary<S64, kAbsolute>},
    NamedOperation{"min.s32", binary<S32, kLess>},
    NamedOperation{"min.u32", binary<U32, kLess>},
    NamedOperation{"min.s64", binary<S64, kLess>},
    NamedOperation{"min.u64", binary<U64, kLess>},
    NamedOperation{"max.s32", binary<S32, kMore>},
    NamedOperation{"max.u32", binary<U32, kMore>},
    NamedOperation{"max.s64", binary<S64, kMore>},
    NamedOperation{"max.u64", binary<U64, kMore>},
    NamedOperation{"popc.b32", unary<U32, [](U32 a) { return std::popcount(a); }>},
    NamedOperation{"dp4a.s32.s32", ternary<S32, kDot4>},
    NamedOperation{"and.b16", binary<U16, kAnd>},
    NamedOperation{"and.b32", binary<U32, kAnd>},
    NamedOperation{"and.b64", binary<U64, kAnd>},
    NamedOperation{"or.b16", binary<U16, kOr>},
    NamedOperation{"or.b32", binary<U32, kOr>},
    NamedOperation{"or.b64", binary<U64, kOr>},
    NamedOperation{"xor.b16", binary<U16, kXor>},
    NamedOperation{"xor.b32", binary<U32, kXor>},
    NamedOperation{"xor.b64", binary<U64, kXor>},
    NamedOperation{"lop3.b32", combine_bits},
    NamedOperation{"not.b16", unary<U16, kNot>},
    NamedOperation{"not.b32", unary<U32, kNot>},
    NamedOperation{"not.b64", unary<U64, kNot>},
    NamedOperation{"and.pred", logic<kAnd>},
    NamedOperation{"or.pred", logic<kOr>},
    NamedOperation{"xor.pred", logic<kXor>},
    NamedOperation{"not.pred", logic<kNotLanes>},
    NamedOperation{"mov.pred", logic<kSame>},
    NamedOperation{"shl.b16", binary<U16, kLeft, U32>},
    NamedOperation{"shl.b32", binary<U32, kLeft, U32>},
    NamedOperation{"shl.b64", binary<U64, kLeft, U32>},
    NamedOperation{"shr.u16", binary<U16, kRight, U32>},
    NamedOperation{"shr.u32", binary<U32, kRight, U32>},
    NamedOperation{"shr.u64", binary<U64, kRight, U32>},
    NamedOperation{"shr.s16", binary<S16, kRight, U32>},
    NamedOperation{"shr.s32", binary<S32, kRight, U32>},
    NamedOperation{"shr.s64", binary<S64, kRight, U32>},
    NamedOperation{"bfi.b32", insert_bits<U32>},
    NamedOperation{"bfi.b64", insert_bits<U64>},
    NamedOperation{"prmt.b32", ternary<U32, kPermute>},
    NamedOperation{"mov.b16", move<U16>},
    NamedOperation{"mov.u16", move<U16>},
    NamedOperation{"mov.b32", move<U32>},
    NamedOperation{"mov.u32", move<U32>},
    NamedOperation{"mov.f32", move<U32>},
    NamedOperation{"mov.b64", move<U64>},
    NamedOperation{"mov.u64", move<U64>},
    NamedOperation{"mov.f64", move<U64>},
    NamedOperation{"selp.b16", select<U16>},
    NamedOperation{"selp.u16", select<U16>},
    NamedOperation{"selp.b32", select<U32>},
    NamedOperation{"selp.u32", select<U32>},
    NamedOperation{"selp.f32", select<U32>},
    NamedOperation{"selp.b64", select<U64>},
    NamedOperation{"selp.u64", select<U64>},
    NamedOperation{"add.f32", binary<F32, kFloatAdd>},
    NamedOperation{"add.rn.f32", binary<F32, kFloatAdd>},
    NamedOperation{"add.rz.f32", rounded<FE_TOWARDZERO, binary<F32, kFloatAdd>>},
    NamedOperation{"add.f64", binary<F64, kFloatAdd>},
    NamedOperation{"sub.f32", binary<F32, kFloatSubtract>},
    NamedOperation{"mul.f32", binary<F32, kFloatMultiply>},
    NamedOperation{"mul.rn.f32", binary<F32, kFloatMultiply>},
    NamedOperation{"mul.f64", binary<F64, kFloatMultiply>},
    NamedOperation{"div.rn.f32", binary<F32, kFloatDivide>},
    NamedOperation{"fma.rn.f32", ternary<F32, kFused>},
    NamedOperation{"fma.rm.f32", rounded<FE_DOWNWARD, ternary<F32, kFused>>},
    NamedOperation{"fma.rn.f64", ternary<F64, kFused>},
    NamedOperation{"sub.f16x2", binary<U32, kHalvesSubtract>},
    NamedOperation{"mul.rn.f16x2", binary<U32, kHalvesMultiply>},
    NamedOperation{"fma.rn.f16x2", ternary<U32, kHalvesFused>},
    NamedOperation{"neg.f32", unary<F32, kFloatNegate>},
    NamedOperation{"abs.f32", unary<F32, kFloatAbsolute>},
    NamedOperation{"min.f32", binary<F32, kFloatLess>},
    NamedOperation{"max.f32", binary<F32, kFloatMore>},
    NamedOperation{"sqrt.rn.f32", unary<F32, kRoot>},
    NamedOperation{"rcp.rn.f32", unary<F32, kReciprocal>},
    NamedOperation{"rcp.approx.ftz.f32", unary<F32, kReciprocalFlushed>},
    NamedOperation{"ex2.approx.f32", unary<F32, kPower>},
    NamedOperation{"ex2.approx.ftz.f32", unary<F32, kPowerFlushed>},
    NamedOperation{"copysign.f32", binary<F32, kSignOf>},
    NamedOperation{"setp.eq.b32", compare<U32, kEqual>},
    NamedOperation{"setp.eq.s16", compare<S16, kEqual>},
    NamedOperation{"setp.eq.s32", compare<S32, kEqual>},
    NamedOperation{"setp.eq.s64", compare<S64, kEqual>},
    NamedOperation{"setp.ne.s16", compare<S16, kUnequal>},
    NamedOperation{"setp.ne.s32", compare<S32, kUnequal>},
    NamedOperation{"setp.ne.s64", compare<S64, kUnequal>},
    NamedOperation{"setp.lt.s16", compare<S16, kBelow>},
    NamedOperation{"setp.lt.s32", compare<S32, kBelow>},
    NamedOperation{"setp.lt.s64", compare<S64, kBelow>},
    NamedOperation{"setp.lt.u16", compare<U16, kBelow>},
    NamedOperation{"setp.lt.u32", compare<U32, kBelow>},
    NamedOperation{"setp.lt.u64", compare<U64, kBelow>},
    NamedOperation{"setp.le.s32", compare<S32, kAtMost>},
    NamedOperation{"setp.le.s64", compare<S64, kAtMost>},
    NamedOperation{"setp.le.u32", compare<U32, kAtMost>},
    NamedOperation{"setp.le.u64", compare<U64, kAtMost>},
    NamedOperation{"setp.gt.s16", compare<S16, kAbove>},
    NamedOperation{"setp.gt.s32", compare<S32, kAbove>},
    NamedOperation{"setp.gt.s64", compare<S64, kAbove>},
    NamedOperation{"setp.gt.u16", compare<U16, kAbove>},
    NamedOperation{"setp.gt.u32", compare<U32, kAbove>},
    NamedOperation{"setp.gt.u64", compare<U64, kAbove>},
    NamedOperation{"setp.ge.s32", compare<S32, kAtLeast>},
    NamedOperation{"setp.ge.s64", compare<S64, kAtLeast>},
    NamedOperation{"setp.ge.u32", compare<U32, kAtLeast>},
    NamedOperation{"setp.ge.u64", compare<U64, kAtLeast>},
    NamedOperation{"setp.eq.f32", compare<F32, kEqual>},
    NamedOperation{"setp.ne.f32", compare<F32, kUnequal>},
    NamedOperation{"setp.lt.f32", compare<F32, kBelow>},
    NamedOperation{"setp.le.f32", compare<F32, kAtMost>},
    NamedOperation{"setp.gt.f32", compare<F32, kAbove>},
    NamedOperation{"setp.ge.f32", compare<F32, kAtLeast>},
    NamedOperation{"setp.equ.f32", compare<F32, kEqualOrNan>},
    NamedOperation{"setp.neu.f32", compare<F32, kUnequalOrNan>},
    NamedOperation{"setp.ltu.f32", compare<F32, kBelowOrNan>},
    NamedOperation{"setp.leu.f32", compare<F32, kAtMostOrNan>},
    NamedOperation{"setp.gtu.f32", compare<F32, kAboveOrNan>},
    NamedOperation{"setp.geu.f32", compare<F32, kAtLeastOrNan>},
    NamedOperation{"setp.num.f32", compare<F32, kNumbers>},
    NamedOperation{"setp.nan.f32", compare<F32, kNans>},
};

}  // namespace

std::span<const NamedOperation> arithmetic() { return kOperations; }

}  // namespace linnet::ptx
