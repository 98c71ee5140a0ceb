#include "chat/jinja/format.hpp"

#include <algorithm>
#include <cmath>

#include "chat/jinja/access.hpp"
#include "chat/jinja/operators.hpp"
#include "chat/jinja/print.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

constexpr int kMaxWidth = 100'000;
constexpr int kMaxPrecision = 300;

// The number at spec[at], which is moved past it; -1 where there is none.
int read_number(std::string_view spec, std::size_t& at, int most) {
  int number = -1;
  for (; at < spec.size() && spec[at] >= '0' && spec[at] <= '9'; ++at) {
    number = std::max(number, 0) * 10 + (spec[at] - '0');
    if (number > most) fail("the format '{}' asks for more than {}", spec, most);
  }
  return number;
}

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

// text.format(): goes through the fields in order.
class BraceFormatter {
 public:
  BraceFormatter(Run& run, const Text& format, const Arguments& arguments)
      : run_(run),
        format_(format),
        bytes_(format.bytes()),
        arguments_(arguments),
        out_(run.budget) {}

  Text format() {
    for (std::size_t at = 0; at < bytes_.size();) {
      const std::size_t brace = std::min(bytes_.find_first_of("{}", at), bytes_.size());
      out_.append(format_, at, brace);
      if (brace == bytes_.size()) break;
      if (brace + 1 < bytes_.size() && bytes_[brace + 1] == bytes_[brace]) {
        out_.append(format_, brace, brace + 1);
        at = brace + 2;
      } else {
        if (bytes_[brace] == '}') fail("a format string has a single '}}'");
        at = write_field(brace + 1);
      }
    }
    return out_.take();
  }

 private:
  // Writes the field that begins after the brace; the position after it.
  std::size_t write_field(std::size_t begin) {
    const std::size_t end = end_of_field(begin);
    std::string_view field = bytes_.substr(begin, end - begin);
    const std::size_t colon = end_of_name(field, ":!");
    const std::string_view name = field.substr(0, colon);
    field.remove_prefix(colon);
    char conversion = 0;
    if (field.starts_with('!')) {
      if (field.size() < 2) fail("a format string has an empty conversion");
      conversion = field[1];
      field.remove_prefix(2);
      if (!field.empty() && field[0] != ':') fail("a format string has a broken conversion");
    }
    const std::string_view spec = field.empty() ? field : field.substr(1);
    if (spec.find('{') != std::string_view::npos)
      fail("nested fields in formats are not supported");
    Value value = lookup(name);
    if (conversion == 'r') value = run_.text(to_repr(run_, value));
    if (conversion == 's') value = run_.text(to_text(run_, value));
    out_.append(format_value(run_, value, parse_format_spec(spec)));
    return end + 1;
  }

  std::size_t end_of_field(std::size_t begin) const {
    int depth = 1;
    for (std::size_t at = begin; at < bytes_.size(); ++at) {
      depth += bytes_[at] == '{' ? 1 : bytes_[at] == '}' ? -1 : 0;
      if (depth == 0) return at;
    }
    fail("a format string has a '{{' without an end");
  }

  static std::size_t end_of_name(std::string_view field, std::string_view ends) {
    bool in_brackets = false;
    for (std::size_t at = 0; at < field.size(); ++at) {
      if (field[at] == '[') in_brackets = true;
      if (field[at] == ']') in_brackets = false;
      if (!in_brackets && ends.find(field[at]) != std::string_view::npos) return at;
    }
    return field.size();
  }

  Value lookup(std::string_view name) {
    const std::size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = argument(name.substr(0, end));
    name.remove_prefix(end);
    while (!name.empty()) {
      const bool is_item = name[0] == '[';
      const std::size_t stop =
          is_item ? name.find(']') : std::min(name.find_first_of(".[", 1), name.size());
      if (stop == std::string_view::npos) fail("a format string has a '[' without an end");
      const std::string_view part = name.substr(1, stop - 1);
      value = is_item ? get_item(run_, value, key_of(part)) : get_attribute(run_, value, part);
      name.remove_prefix(stop + (is_item ? 1 : 0));
    }
    return value;
  }

  Value key_of(std::string_view part) {
    const bool is_number = !part.empty() && part.size() < 10 &&
                           part.find_first_not_of("0123456789") == std::string_view::npos;
    return is_number ? Value(std::stoi(std::string(part))) : run_.text(part);
  }

  Value argument(std::string_view name) {
    const bool is_number = name.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_number) {
      const auto found =
          std::ranges::find(arguments_.keyword, name, [](const auto& pair) { return pair.first; });
      if (found == arguments_.keyword.end()) fail("format() has no argument '{}'", name);
      return found->second;
    }
    std::size_t at = 0;
    const std::size_t index =
        name.empty() ? next_++ : static_cast<std::size_t>(read_number(name, at, 1'000'000));
    if (index >= arguments_.positional.size()) fail("format() has no argument number {}", index);
    return arguments_.positional[index];
  }

  Run& run_;
  const Text& format_;
  std::string_view bytes_;
  const Arguments& arguments_;
  TextBuilder out_;
  std::size_t next_ = 0;
};

// 'text %s' % value.
class PercentFormatter {
 public:
  PercentFormatter(Run& run, const Text& format, const Value& values, bool markup)
      : run_(run),
        format_(format),
        bytes_(format.bytes()),
        values_(values),
        markup_(markup),
        out_(run.budget) {
    const Sequence* sequence = values.sequence();
    is_tuple_ = sequence && sequence->kind == Sequence::Kind::kTuple;
  }

  Text format() {
    for (std::size_t at = 0; at < bytes_.size();) {
      const std::size_t sign = std::min(bytes_.find('%', at), bytes_.size());
      out_.append(format_, at, sign);
      if (sign == bytes_.size()) break;
      at = write_field(sign + 1);
    }
    const bool takes_all = !is_tuple_ || next_ == values_.sequence()->items.size();
    const bool takes_one = is_tuple_ || next_ == 1 || values_.dict() || values_.sequence();
    if (!takes_all || !takes_one) fail("not all arguments converted during string formatting");
    return out_.take();
  }

 private:
  char at_or_end(std::size_t at) const { return at < bytes_.size() ? bytes_[at] : '\0'; }

  std::size_t write_field(std::size_t at) {
    std::optional<Value> named;
    if (at_or_end(at) == '(') {
      const std::size_t end = bytes_.find(')', at);
      if (end == std::string_view::npos) fail("a format has a key without an end");
      if (!values_.dict()) fail("format requires a mapping");
      named = get_item(run_, values_, run_.text(bytes_.substr(at + 1, end - at - 1)));
      run_.require_defined(*named);
      at = end + 1;
    }
    FormatSpec spec;
    spec.align = '>';
    for (; at_or_end(at) && std::string_view("-+ #0").find(bytes_[at]) != std::string_view::npos;
         ++at) {
      read_flag(bytes_[at], spec);
    }
    spec.width = std::max(read_number(bytes_, at, kMaxWidth), 0);
    if (at_or_end(at) == '.')
      spec.precision = std::max(read_number(bytes_, ++at, kMaxPrecision), 0);
    const char type = at_or_end(at);
    if (type == '\0') fail("a format ends within a field");
    if (type == '%') {
      out_.append(format_, at, at + 1);
    } else {
      write_value(named ? *named : next_value(), spec, type);
    }
    return at + 1;
  }

  // %c: a character, or its number.
  Text character_of(const Value& value) const {
    if (value.is_string() && count_characters(value.bytes()) == 1) return value.text();
    if (!value.is_integral() || value.integer() < 0 || value.integer() > 0x10ffff) {
      fail("%c requires an int in range(0x110000) or a char");
    }
    std::string character;
    append_character(character, static_cast<char32_t>(value.integer()));
    return Text(std::move(character), Origin::kTemplate);
  }

  static void read_flag(char flag, FormatSpec& spec) {
    if (flag == '-') spec.align = '<';
    if (flag == '+' || (flag == ' ' && spec.sign != '+')) spec.sign = flag;
    if (flag == '#') spec.alternate = true;
    if (flag == '0' && spec.align != '<') {
      spec.fill = '0';
      spec.align = '=';
    }
  }

  Value next_value() {
    const std::size_t index = next_++;
    if (!is_tuple_ && index == 0) return values_;
    if (!is_tuple_ || index >= values_.sequence()->items.size()) {
      fail("not enough arguments for format string");
    }
    return values_.sequence()->items[index];
  }

  void write_value(const Value& value, FormatSpec spec, char type) {
    spec.is_empty = false;
    if (type == 's' || type == 'r' || type == 'a') {
      if (spec.align == '=') spec.align = '>';
      spec.fill = ' ';
      Text text = type == 's' ? to_text(run_, value) : to_repr(run_, value);
      if (markup_ && !value.is_markup()) text = escape_html(run_, text);
      return out_.append(format_text(run_, text, spec));
    }
    constexpr std::string_view kIntegers = "diuxXo";
    run_.require_defined(value);
    if (type == 'c') return out_.append(format_text(run_, character_of(value), spec));
    if (!value.is_number())
      fail("%{} format: a number is required, not {}", type, type_name(value));
    if (kIntegers.find(type) == std::string_view::npos) {
      spec.type = type;
      return out_.append(format_number(run_, value, spec));
    }
    spec.type = type == 'i' || type == 'u' ? 'd' : type;
    const double number = value.number();
    if (value.is<double>() && !(std::fabs(number) < 0x1p126))
      fail("a number is too large to format");
    const Integer whole = value.is<double>() ? static_cast<Integer>(number) : value.integer();
    out_.append(format_number(run_, whole, spec));
  }

  Run& run_;
  const Text& format_;
  std::string_view bytes_;
  const Value& values_;
  bool markup_;
  bool is_tuple_;
  TextBuilder out_;
  std::size_t next_ = 0;
};

}  // namespace

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
  result.width = std::max(read_number(spec, at, kMaxWidth), 0);
  result.grouping = take(",_");
  if (take(".")) {
    result.precision = read_number(spec, at, kMaxPrecision);
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

Text brace_format(Run& run, const Text& format, const Arguments& arguments) {
  return BraceFormatter(run, format, arguments).format();
}

Text percent_format(Run& run, const Text& format, const Value& values, bool markup) {
  return PercentFormatter(run, format, values, markup).format();
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
