#pragma once

#include "chat/jinja/arguments.hpp"

namespace linnet::jinja {

/// How a value is to be laid out: Python's format specification, `[[fill]align][sign][#][0][width]
/// [,][.precision][type]`.
struct FormatSpec {
  char32_t fill = ' ';
  char align = 0;  ///< < > ^ = or 0 if it follows from the value
  char sign = '-';
  bool alternate = false;
  bool is_empty = true;
  int width = 0;
  char grouping = 0;
  int precision = -1;
  int least_digits = 0;  ///< of integers, where they are printf's
  char type = 0;
};

inline constexpr int kWidestField = 100'000;
inline constexpr int kMostDigits = 300;  ///< after the point

FormatSpec parse_format_spec(std::string_view spec);

/// The number at spec[at], which is moved past it; -1 if there is none.
int read_number(std::string_view spec, std::size_t& at, int most);

/// format(value, spec).
Text format_value(Run& run, const Value& value, const FormatSpec& spec);
Text format_number(Run& run, const Value& value, const FormatSpec& spec);
Text format_text(Run& run, const Text& text, const FormatSpec& spec);

/// text.format(...): fields {}, {0}, {name}, {0.attribute[key]!r:spec}.
Text brace_format(Run& run, const Text& format, const Arguments& arguments);

/// 'format' % value, printf-like; with `markup` the values are escaped as HTML.
Text percent_format(Run& run, const Text& format, const Value& values, bool markup);

/// The text filled up to `width` characters; align is < > or ^.
Text pad(Run& run, const Text& text, std::int64_t width, char32_t fill, char align);

}  // namespace linnet::jinja
