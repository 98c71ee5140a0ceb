#include "grammar/schema/decimal.hpp"

#include <algorithm>
#include <charconv>

namespace linnet::grammar {
namespace {

std::strong_ordering compare_magnitudes(const Decimal& a, const Decimal& b) {
  if (a.integer.size() != b.integer.size()) return a.integer.size() <=> b.integer.size();
  if (a.integer != b.integer) return a.integer <=> b.integer;
  return a.fraction <=> b.fraction;  // without trailing zeros, a longer one is larger
}

}  // namespace

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
  if (negative != other.negative) {
    return negative ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  return negative ? compare_magnitudes(other, *this) : compare_magnitudes(*this, other);
}

std::optional<Decimal> to_decimal(const SchemaJson& number) {
  if (!number.is_number()) return std::nullopt;
  std::string text;
  if (!number.is_number_float()) {
    text = number.dump();
  } else {
    char buffer[40];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, number.get<double>(),
                                   std::chars_format::scientific);
    text.assign(buffer, end.ptr);
  }
  Decimal result;
  std::string digits;
  int exponent = 0, point = -1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '-' && i == 0) {
      result.negative = true;
    } else if (c == '.') {
      point = static_cast<int>(digits.size());
    } else if (c == 'e') {
      const std::size_t start = i + 1 + (text[i + 1] == '+');
      std::from_chars(text.data() + start, text.data() + text.size(), exponent);
      break;
    } else {
      digits.push_back(c);
    }
  }
  const int whole = (point < 0 ? static_cast<int>(digits.size()) : point) + exponent;
  if (whole <= 0) {
    result.fraction = std::string(static_cast<std::size_t>(-whole), '0') + digits;
  } else if (whole >= static_cast<int>(digits.size())) {
    result.integer = digits + std::string(static_cast<std::size_t>(whole) - digits.size(), '0');
  } else {
    result.integer = digits.substr(0, static_cast<std::size_t>(whole));
    result.fraction = digits.substr(static_cast<std::size_t>(whole));
  }
  result.integer.erase(0,
                       std::min(result.integer.find_first_not_of('0'), result.integer.size() - 1));
  result.fraction.erase(result.fraction.find_last_not_of('0') + 1);
  if (result.is_zero()) result.negative = false;
  return result;
}

}  // namespace linnet::grammar
