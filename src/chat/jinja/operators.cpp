#include "chat/jinja/operators.hpp"

#include <cmath>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/format.hpp"
#include "chat/jinja/run.hpp"

namespace linnet::jinja {
namespace {

[[noreturn]] void refuse(Run& run, std::string_view sign, const Value& a, const Value& b) {
  run.require_defined(a);
  run.require_defined(b);
  fail("unsupported operand types for {}: '{}' and '{}'", sign, type_name(a), type_name(b));
}

void require_numbers(Run& run, std::string_view sign, const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) refuse(run, sign, a, b);
}

bool is_list_or_tuple(const Value& value) {
  return value.sequence() && value.sequence()->kind <= Sequence::Kind::kTuple;
}

// What __builtin_add_overflow and its like do for both kinds of numbers.
template <class Exact, class Float>
Value arithmetic(const Value& a, const Value& b, Exact exact, Float floating) {
  if (a.is<double>() || b.is<double>()) return floating(a.number(), b.number());
  Integer result;
  if (exact(a.integer(), b.integer(), &result)) fail("an integer becomes too large");
  return result;
}

Value join_texts(Run& run, const Value& a, const Value& b) {
  const bool markup = a.is_markup() || b.is_markup();
  const auto part = [&](const Value& value) {
    return markup && !value.is_markup() ? escape_html(run, value.text()) : value.text();
  };
  TextBuilder out(run.budget);
  out.append(part(a));
  out.append(part(b));
  return run.text(out.take(), markup);
}

Value join_sequences(Run& run, const Sequence& a, const Sequence& b) {
  run.budget.hold(sizeof(Value) * (a.items.size() + b.items.size()));
  std::vector<Value> items = a.items;
  items.insert(items.end(), b.items.begin(), b.items.end());
  return run.sequence(std::move(items), a.kind);
}

std::size_t checked_total(Run& run, std::size_t size, Integer times) {
  if (times <= 0 || size == 0) return 0;
  if (times > static_cast<Integer>(run.budget.limits().text_bytes)) {
    fail("a value is repeated {} times", times);
  }
  const std::size_t total = size * static_cast<std::size_t>(times);
  run.budget.step(static_cast<std::int64_t>(times));
  return total;
}

Value repeat_text(Run& run, const Value& text, Integer times) {
  const std::size_t total = checked_total(run, text.text().size(), times);
  TextBuilder out(run.budget);
  while (out.text().size() < total) out.append(text.text());
  return run.text(out.take(), text.is_markup());
}

Value repeat_sequence(Run& run, const Sequence& sequence, Integer times) {
  const std::size_t total = checked_total(run, sequence.items.size(), times);
  run.budget.hold(total * sizeof(Value));
  std::vector<Value> items;
  while (items.size() < total) {
    items.insert(items.end(), sequence.items.begin(), sequence.items.end());
  }
  return run.sequence(std::move(items), sequence.kind);
}

void require_divisor(const Value& b) {
  if (b.number() == 0) fail("division by zero");
}

Value integer_power(Integer base, Integer exponent) {
  Integer result = 1;
  for (; exponent > 0; exponent >>= 1) {
    const bool overflow = (exponent & 1) && __builtin_mul_overflow(result, base, &result);
    const bool squares = exponent > 1;
    if (overflow || (squares && __builtin_mul_overflow(base, base, &base))) {
      fail("an integer becomes too large");
    }
  }
  return result;
}

}  // namespace

Value add(Run& run, const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) return join_texts(run, a, b);
  if (is_list_or_tuple(a) && is_list_or_tuple(b) && a.sequence()->kind == b.sequence()->kind) {
    return join_sequences(run, *a.sequence(), *b.sequence());
  }
  require_numbers(run, "+", a, b);
  return arithmetic(
      a, b, [](Integer x, Integer y, Integer* r) { return __builtin_add_overflow(x, y, r); },
      [](double x, double y) { return x + y; });
}

Value subtract(Run& run, const Value& a, const Value& b) {
  require_numbers(run, "-", a, b);
  return arithmetic(
      a, b, [](Integer x, Integer y, Integer* r) { return __builtin_sub_overflow(x, y, r); },
      [](double x, double y) { return x - y; });
}

Value multiply(Run& run, const Value& a, const Value& b) {
  if (a.is_string() && b.is_integral()) return repeat_text(run, a, b.integer());
  if (b.is_string() && a.is_integral()) return repeat_text(run, b, a.integer());
  if (is_list_or_tuple(a) && b.is_integral()) {
    return repeat_sequence(run, *a.sequence(), b.integer());
  }
  if (is_list_or_tuple(b) && a.is_integral()) {
    return repeat_sequence(run, *b.sequence(), a.integer());
  }
  require_numbers(run, "*", a, b);
  return arithmetic(
      a, b, [](Integer x, Integer y, Integer* r) { return __builtin_mul_overflow(x, y, r); },
      [](double x, double y) { return x * y; });
}

Value divide(Run& run, const Value& a, const Value& b) {
  require_numbers(run, "/", a, b);
  require_divisor(b);
  return a.number() / b.number();
}

Value floor_divide(Run& run, const Value& a, const Value& b) {
  require_numbers(run, "//", a, b);
  require_divisor(b);
  const auto exact = [](Integer x, Integer y, Integer* r) {
    if (y == -1) return __builtin_sub_overflow(Integer{0}, x, r);
    *r = x / y - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0);
    return false;
  };
  return arithmetic(a, b, exact, [](double x, double y) {
    const double rest = std::fmod(x, y);
    const double quotient = (x - rest) / y - (rest != 0 && (rest < 0) != (y < 0) ? 1 : 0);
    return quotient == 0 ? std::copysign(0.0, x / y) : std::round(quotient);
  });
}

Value modulo(Run& run, const Value& a, const Value& b) {
  if (a.is_string()) {
    return run.text(percent_format(run, a.text(), b, a.is_markup()), a.is_markup());
  }
  require_numbers(run, "%", a, b);
  require_divisor(b);
  const auto exact = [](Integer x, Integer y, Integer* r) {
    *r = y == -1 ? 0 : x % y;
    if (*r != 0 && (*r < 0) != (y < 0)) *r += y;
    return false;
  };
  return arithmetic(a, b, exact, [](double x, double y) {
    const double rest = std::fmod(x, y);
    if (rest == 0) return std::copysign(0.0, y);
    return (rest < 0) != (y < 0) ? rest + y : rest;
  });
}

Value power(Run& run, const Value& a, const Value& b) {
  require_numbers(run, "**", a, b);
  if (a.is_integral() && b.is_integral() && b.integer() >= 0) {
    return integer_power(a.integer(), b.integer());
  }
  if (a.number() == 0 && b.number() < 0) fail("0 cannot be raised to a negative power");
  const double result = std::pow(a.number(), b.number());
  if (std::isnan(result) && !std::isnan(a.number()) && !std::isnan(b.number())) {
    fail("a power is not a real number");
  }
  return result;
}

Value negate(Run& run, const Value& a) {
  run.require_defined(a);
  if (!a.is_number()) fail("bad operand type for unary -: '{}'", type_name(a));
  if (a.is<double>()) return -a.number();
  return subtract(run, Integer{0}, a.integer());
}

Value plus(Run& run, const Value& a) {
  run.require_defined(a);
  if (!a.is_number()) fail("bad operand type for unary +: '{}'", type_name(a));
  if (a.is<double>()) return a;
  return a.integer();
}

Value logical_not(Run&, const Value& a) { return !is_true(a); }

Text escape_html(Run& run, const Text& text) {
  constexpr std::string_view kSigns = "&<>'\"";
  constexpr std::string_view kEscapes[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  TextBuilder out(run.budget);
  std::size_t plain_from = 0;
  const std::string& bytes = text.bytes();
  for (std::size_t at = bytes.find_first_of(kSigns); at != std::string::npos;
       at = bytes.find_first_of(kSigns, at + 1)) {
    out.append(text, plain_from, at);
    out.append(kEscapes[kSigns.find(bytes[at])], text.origin_at(at));
    plain_from = at + 1;
  }
  out.append(text, plain_from, text.size());
  return out.take();
}

}  // namespace linnet::jinja
