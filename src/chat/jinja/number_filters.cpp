#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/filters.hpp"
#include "chat/jinja/operators.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && is_space(character_at(text, 0).value)) {
    text.remove_prefix(character_at(text, 0).bytes);
  }
  while (!text.empty()) {
    const std::size_t last = previous_character(text, text.size());
    if (!is_space(character_at(text, last).value)) break;
    text = text.substr(0, last);
  }
  return text;
}

// Python allows an underscore between two digits.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool between = i > 0 && i + 1 < text.size() && text[i - 1] != '_' && text[i + 1] != '_';
    if (text[i] == '_' && !between) return std::nullopt;
    if (text[i] != '_') digits += text[i];
  }
  return digits;
}

bool take_sign(std::string_view& text) {
  if (text.empty() || (text[0] != '-' && text[0] != '+')) return false;
  const bool negative = text[0] == '-';
  text.remove_prefix(1);
  return negative;
}

// int(text, base); nothing if Python raises a ValueError.
std::optional<Integer> parse_integer(std::string_view text, int base) {
  text = without_spaces(text);
  const bool negative = take_sign(text);
  constexpr std::string_view kPrefixes = "bBoOxX";
  const std::size_t prefix = text.size() > 2 && text[0] == '0' ? kPrefixes.find(text[1]) : 6;
  constexpr int kBases[] = {2, 8, 16, 0};
  const int prefix_base = kBases[std::min<std::size_t>(prefix / 2, 3)];
  if (prefix_base && (base == prefix_base || base == 0)) {
    base = prefix_base;
    text.remove_prefix(text[2] == '_' ? 3 : 2);
  }
  if (base == 0) base = 10;
  const auto digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  Integer value = 0;
  for (const char c : *digits) {
    const char lower = static_cast<char>(c | 0x20);
    const int digit = c >= '0' && c <= '9'           ? c - '0'
                      : lower >= 'a' && lower <= 'z' ? lower - 'a' + 10
                                                     : base;
    if (digit >= base) return std::nullopt;
    if (__builtin_mul_overflow(value, Integer{base}, &value) ||
        __builtin_add_overflow(value, Integer{digit}, &value)) {
      fail("an integer becomes too large");
    }
  }
  return negative ? -value : value;
}

// float(text); nothing if Python raises a ValueError.
std::optional<double> parse_float(std::string_view text) {
  text = without_spaces(text);
  const bool negative = take_sign(text);
  const auto digits = without_underscores(text);
  if (!digits || digits->empty() || digits->front() == '-' || digits->front() == '+') {
    return std::nullopt;
  }
  double value = 0;
  const char* end = digits->data() + digits->size();
  const auto [stop, error] = std::from_chars(digits->data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return std::nullopt;
  // Out of range is too small or too large; an exponent tells which.
  if (error == std::errc::result_out_of_range) {
    const bool is_small =
        digits->find("e-") != std::string::npos || digits->find("E-") != std::string::npos;
    value = is_small ? 0 : std::numeric_limits<double>::infinity();
  }
  return negative ? -value : value;
}

std::optional<double> to_float(const Value& value) {
  if (value.is_number()) return value.number();
  return value.is_string() ? parse_float(value.bytes()) : std::nullopt;
}

Value int_filter(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "int", {"default", "base"});
  run.require_defined(subject);
  const std::int64_t base = given.integer(1, 10);
  if (base != 0 && (base < 2 || base > 36)) fail("int() base must be 2 to 36, or 0");
  if (subject.is_integral()) return subject.integer();
  if (subject.is_string()) {
    if (const auto number = parse_integer(subject.bytes(), static_cast<int>(base))) return *number;
  }
  const auto number = to_float(subject);
  if (!number || !std::isfinite(*number)) return given.value(0, 0);
  if (std::fabs(*number) >= 0x1p126) fail("an integer becomes too large");
  return static_cast<Integer>(*number);
}

Value float_filter(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "float", {"default"});
  run.require_defined(subject);
  const auto number = to_float(subject);
  return number ? Value(*number) : given.value(0, 0.0);
}

Value abs_filter(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "abs");
  run.require_defined(subject);
  if (!subject.is_number()) fail("bad operand type for abs(): '{}'", type_name(subject));
  if (subject.is<double>()) return std::fabs(subject.number());
  return subject.integer() < 0 ? negate(run, subject) : plus(run, subject);
}

// round(): to the nearest decimal, exactly, halves to even.
double round_decimals(double number, std::int64_t precision) {
  if (!std::isfinite(number) || precision > 300) return number;
  if (precision < -300) return 0;
  if (precision < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-precision));
    return std::nearbyint(number / unit) * unit;
  }
  const std::string digits = fmt::format("{:.{}f}", number, precision);
  double rounded = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  return rounded;
}

// To tens, hundreds and so on if `precision` is negative; halves to even.
Integer round_integer(Integer number, std::int64_t precision) {
  if (precision >= 0) return number;
  if (precision < -37) return 0;
  Integer unit = 1;
  for (; precision < 0; ++precision) unit *= 10;
  const Integer rest = (number % unit + unit) % unit;
  const Integer units = number / unit - (number % unit < 0 ? 1 : 0);
  const bool up = rest * 2 > unit || (rest * 2 == unit && units % 2 != 0);
  Integer rounded;
  if (__builtin_mul_overflow(units + (up ? 1 : 0), unit, &rounded)) {
    fail("an integer becomes too large");
  }
  return rounded;
}

Value round_filter(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "round", {"precision", "method"});
  run.require_defined(subject);
  if (!subject.is_number()) fail("round needs a number, not '{}'", type_name(subject));
  const std::int64_t precision = given.integer(0, 0);
  const std::string method = given.has(1) ? given.text(1).bytes() : "common";
  if (method == "common") {
    if (subject.is_integral()) return round_integer(subject.integer(), precision);
    return round_decimals(subject.number(), precision);
  }
  if (method != "ceil" && method != "floor") fail("method must be common, ceil or floor");
  const double unit = std::pow(10.0, static_cast<double>(precision));
  const double scaled = subject.number() * unit;
  return (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit;
}

// A number of bytes for people: 13 kB, 4.1 MB.
Value file_size_format(Run& run, const Value& subject, const Arguments& arguments) {
  constexpr std::string_view kPrefixes = "kMGTPEZY";
  const Parameters given(run, arguments, "filesizeformat", {"binary"});
  run.require_defined(subject);
  const auto bytes = to_float(subject);
  if (!bytes || !std::isfinite(*bytes)) fail("filesizeformat needs a number");
  const bool binary = given.flag(0, false);
  const double base = binary ? 1024 : 1000;
  if (*bytes == 1) return run.text("1 Byte");
  if (*bytes < base) return run.text(fmt::format("{} Bytes", std::trunc(*bytes)));
  double unit = base;
  std::size_t prefix = 0;
  while (*bytes >= unit * base && prefix + 1 < kPrefixes.size()) {
    unit *= base;
    ++prefix;
  }
  const char letter = binary && prefix == 0 ? 'K' : kPrefixes[prefix];
  return run.text(fmt::format("{:.1f} {}{}B", *bytes / unit, letter, binary ? "i" : ""));
}

Value default_filter(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "default", {"default_value", "boolean"});
  const bool replaced = subject.is_undefined() || (given.flag(1, false) && !is_true(subject));
  if (!replaced) return subject;
  return given.has(0) ? *given[0] : run.text("");
}

constexpr std::array kFilters = {
    NamedFunction{"abs", abs_filter},
    NamedFunction{"d", default_filter},
    NamedFunction{"default", default_filter},
    NamedFunction{"float", float_filter},
    NamedFunction{"filesizeformat", file_size_format},
    NamedFunction{"int", int_filter},
    NamedFunction{"round", round_filter},
};

}  // namespace

std::span<const NamedFunction> number_filters() { return kFilters; }

}  // namespace linnet::jinja
