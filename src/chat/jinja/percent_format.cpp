#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "chat/jinja/access.hpp"
#include "chat/jinja/format.hpp"
#include "chat/jinja/operators.hpp"
#include "chat/jinja/print.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

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
    spec.width = std::max(read_number(bytes_, at, kWidestField), 0);
    if (at_or_end(at) == '.') spec.precision = std::max(read_number(bytes_, ++at, kMostDigits), 0);
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
    spec.least_digits = std::max(std::exchange(spec.precision, -1), 0);
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

Text percent_format(Run& run, const Text& format, const Value& values, bool markup) {
  return PercentFormatter(run, format, values, markup).format();
}

}  // namespace linnet::jinja
