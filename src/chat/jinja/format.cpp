#include "chat/jinja/format.hpp"

#include <algorithm>
#include <cmath>

#include "chat/jinja/print.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

void read_fill_and_align(std::string_view spec, std::size_t& at, FormatSpec& result) {
  if (spec.empty()) return;
  const Character fill = character_at(spec, 0);
  if (fill.bytes < spec.size() && is_align(spec[fill.bytes])) {
    result.fill = fill.value;
    result.align = spec[fill.bytes];
    at = fill.bytes + 1;
  } else if (is_align(spec[0])) {
    result.align = spec[0];
    at = 1;
  }
}

std::string integer_digits(Integer number, char type) {
  // Of the magnitude; the smallest integer has none of its own sign.
  const auto magnitude =
      number < 0 ? -static_cast<unsigned __int128>(number) : static_cast<unsigned __int128>(number);
  if (type == 'x') return fmt::format("{:x}", magnitude);
  if (type == 'X') return fmt::format("{:X}", magnitude);
  if (type == 'o') return fmt::format("{:o}", magnitude);
  if (type == 'b') return fmt::format("{:b}", magnitude);
  return fmt::format("{}", magnitude);
}

std::string float_digits(double number, const FormatSpec& spec) {
  const double magnitude = std::fabs(number);
  const int precision = spec.precision < 0 ? 6 : spec.precision;
  switch (spec.type) {
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", magnitude, precision);
    case 'e':
      return fmt::format("{:.{}e}", magnitude, precision);
    case 'E':
      return fmt::format("{:.{}E}", magnitude, precision);
    case '%':
      return fmt::format("{:.{}f}%", magnitude * 100, precision);
    case 'G':
      return fmt::format("{:.{}G}", magnitude, std::max(precision, 1));
    case 0:
      if (spec.precision < 0) return float_repr(magnitude);
      [[fallthrough]];
    default:
      return fmt::format("{:.{}g}", magnitude, std::max(precision, 1));
  }
}

void group_thousands(std::string& digits, char separator) {
  const std::size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  for (std::size_t at = whole; at > 3;) {
    at -= 3;
    digits.insert(at, 1, separator);
  }
}

}  // namespace

int read_number(std::string_view spec, std::size_t& at, int most) {
  int number = -1;
  for (; at < spec.size() && spec[at] >= '0' && spec[at] <= '9'; ++at) {
    number = std::max(number, 0) * 10 + (spec[at] - '0');
    if (number > most) fail("the format '{}' asks for more than {}", spec, most);
  }
  return number;
}

Text format_number(Run& run, const Value& value, const FormatSpec& spec) {
  constexpr std::string_view kFloatTypes = "fFeEgG%";
  const bool floating =
      value.is<double>() || (spec.type && kFloatTypes.find(spec.type) != std::string_view::npos);
  const std::string_view allowed = floating ? "fFeEgGn%" : "dxXobn";
  if (spec.type && allowed.find(spec.type) == std::string_view::npos) {
    fail("unknown format code '{}' for '{}'", spec.type, type_name(value));
  }
  const bool negative = floating ? std::signbit(value.number()) : value.integer() < 0;
  std::string digits =
      floating ? float_digits(value.number(), spec) : integer_digits(value.integer(), spec.type);
  if (!floating && spec.precision >= 0) fail("Precision not allowed in integer format specifier");
  const auto least = static_cast<std::size_t>(spec.least_digits);
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  if (spec.grouping) group_thousands(digits, spec.grouping);
  std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  if (spec.alternate && !floating && spec.type && spec.type != 'd') sign += {'0', spec.type};
  if (spec.align == '=') {
    const std::size_t used = sign.size() + digits.size();
    const auto width = static_cast<std::size_t>(spec.width);
    std::string filler;
    for (std::size_t i = used; i < width; ++i) append_character(filler, spec.fill);
    digits = filler + digits;
  }
  const char align = spec.align == 0 || spec.align == '=' ? '>' : spec.align;
  return pad(run, Text(sign + digits, Origin::kTemplate), spec.width, spec.fill, align);
}

Text format_text(Run& run, const Text& text, const FormatSpec& spec) {
  if ((spec.type && spec.type != 's') || spec.align == '=') fail("a format does not fit a string");
  Text shown = text;
  if (spec.precision >= 0) {
    const auto count = static_cast<std::size_t>(spec.precision);
    shown = text.slice(0, byte_of_character(text.bytes(), count));
  }
  return pad(run, shown, spec.width, spec.fill, spec.align ? spec.align : '<');
}

FormatSpec parse_format_spec(std::string_view spec) {
  FormatSpec result;
  result.is_empty = spec.empty();
  std::size_t at = 0;
  read_fill_and_align(spec, at, result);
  const auto take = [&](std::string_view any) {
    const bool found = at < spec.size() && any.find(spec[at]) != std::string_view::npos;
    return found ? spec[at++] : '\0';
  };
  if (const char sign = take("+- ")) result.sign = sign;
  result.alternate = take("#") != 0;
  if (take("0") && result.align == 0) {
    result.fill = '0';
    result.align = '=';
  }
  result.width = std::max(read_number(spec, at, kWidestField), 0);
  result.grouping = take(",_");
  if (take(".")) {
    result.precision = read_number(spec, at, kMostDigits);
    if (result.precision < 0) fail("a format has a point without a precision");
  }
  result.type = take("sdfFeEgGnxXobc%");
  if (at != spec.size()) fail("invalid format specifier '{}'", spec);
  return result;
}

Text format_value(Run& run, const Value& value, const FormatSpec& spec) {
  if (spec.is_empty) return to_text(run, value);
  if (value.is_string()) return format_text(run, value.text(), spec);
  if (value.is_number()) {
    return format_number(run, value, spec);
  }
  run.require_defined(value);
  fail("unsupported format string passed to {}", type_name(value));
}

Text pad(Run& run, const Text& text, std::int64_t width, char32_t fill, char align) {
  const auto count = static_cast<std::int64_t>(count_characters(text.bytes()));
  const std::int64_t missing = width - count;
  if (missing <= 0) return text;
  run.budget.check_text(static_cast<std::size_t>(missing));
  run.budget.step(missing / 8);
  const std::int64_t left = align == '<' ? 0 : align == '>' ? missing : missing / 2;
  const auto filler = [&](std::int64_t characters) {
    std::string spaces;
    for (std::int64_t i = 0; i < characters; ++i) append_character(spaces, fill);
    return spaces;
  };
  TextBuilder out(run.budget);
  out.append(filler(left), Origin::kTemplate);
  out.append(text);
  out.append(filler(missing - left), Origin::kTemplate);
  return out.take();
}

}  // namespace linnet::jinja
