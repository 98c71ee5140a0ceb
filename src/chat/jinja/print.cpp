#include "chat/jinja/print.hpp"

#include <charconv>
#include <cmath>

#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

void print_repr(Run& run, const Value& value, TextBuilder& out, int depth);

// The escape of a character in repr('...'), "" if it stands for itself.
std::string repr_escape(char32_t c, char quote) {
  if (c == '\\' || c == static_cast<char32_t>(quote)) return {'\\', static_cast<char>(c)};
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  if (is_printable(c)) return {};
  const auto code = static_cast<std::uint32_t>(c);
  if (code < 0x100) return fmt::format("\\x{:02x}", code);
  return code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
}

void print_quoted(const Text& text, TextBuilder& out) {
  const std::string& bytes = text.bytes();
  const bool has_single = bytes.find('\'') != std::string::npos;
  const char quote = has_single && bytes.find('"') == std::string::npos ? '"' : '\'';
  const std::string_view mark(&quote, 1);
  out.append(mark, Origin::kTemplate);
  for (std::size_t at = 0; at < bytes.size();) {
    const Character character = character_at(bytes, at);
    const std::string escape = repr_escape(character.value, quote);
    if (escape.empty()) {
      out.append(text, at, at + character.bytes);
    } else {
      out.append(escape, text.origin_at(at));
    }
    at += character.bytes;
  }
  out.append(mark, Origin::kTemplate);
}

void print_items(Run& run, const Sequence& sequence, TextBuilder& out, int depth) {
  for (std::size_t i = 0; i < sequence.items.size(); ++i) {
    if (i > 0) out.append(", ", Origin::kTemplate);
    print_repr(run, sequence.items[i], out, depth + 1);
  }
}

struct Brackets {
  std::string_view open, close;
};

void print_sequence(Run& run, const Sequence& sequence, TextBuilder& out, int depth) {
  constexpr Brackets kBrackets[] = {{"[", "]"},
                                    {"(", ")"},
                                    {"", ""},
                                    {"dict_keys([", "])"},
                                    {"dict_values([", "])"},
                                    {"dict_items([", "])"}};
  if (sequence.kind == Sequence::Kind::kRange) return out.append(sequence.shown, Origin::kTemplate);
  if (sequence.kind == Sequence::Kind::kIterator) {
    return out.append("<generator object>", Origin::kTemplate);
  }
  const Brackets& brackets = kBrackets[static_cast<int>(sequence.kind)];
  out.append(brackets.open, Origin::kTemplate);
  print_items(run, sequence, out, depth);
  const bool is_single = sequence.kind == Sequence::Kind::kTuple && sequence.items.size() == 1;
  if (is_single) out.append(",", Origin::kTemplate);
  out.append(brackets.close, Origin::kTemplate);
}

void print_dict(Run& run, const Dict& dict, TextBuilder& out, int depth) {
  out.append("{", Origin::kTemplate);
  bool is_first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!is_first) out.append(", ", Origin::kTemplate);
    is_first = false;
    print_repr(run, key, out, depth + 1);
    out.append(": ", Origin::kTemplate);
    print_repr(run, value, out, depth + 1);
  }
  out.append("}", Origin::kTemplate);
}

void print_object(Run& run, const Object& object, TextBuilder& out, int depth) {
  const Dict* attributes = object.shown_attributes();
  if (!attributes) return out.append(object.describe(), Origin::kTemplate);
  out.append(fmt::format("<{} ", object.describe()), Origin::kTemplate);
  print_dict(run, *attributes, out, depth + 1);
  out.append(">", Origin::kTemplate);
}

std::string plain_text(const Value& value) {
  if (value.is_none()) return "None";
  if (value.is<bool>()) return value.as<bool>() ? "True" : "False";
  if (value.is<Integer>()) return fmt::format("{}", value.integer());
  if (value.is<double>()) return float_repr(value.number());
  return "Undefined";
}

void print_repr(Run& run, const Value& value, TextBuilder& out, int depth) {
  if (depth > kMaxValueDepth) fail("a value to print is nested more than {} deep", kMaxValueDepth);
  run.budget.step();
  if (value.is_string()) {
    if (value.is_markup()) out.append("Markup(", Origin::kTemplate);
    print_quoted(value.text(), out);
    if (value.is_markup()) out.append(")", Origin::kTemplate);
  } else if (const Sequence* sequence = value.sequence()) {
    print_sequence(run, *sequence, out, depth);
  } else if (const Dict* dict = value.dict()) {
    print_dict(run, *dict, out, depth);
  } else if (const Object* object = value.object()) {
    print_object(run, *object, out, depth);
  } else {
    out.append(plain_text(value), Origin::kTemplate);
  }
}

}  // namespace

void print(Run& run, const Value& value, TextBuilder& out) {
  if (value.is_string()) return out.append(value.text());
  if (!value.is_undefined()) print_repr(run, value, out, 0);
}

Text to_text(Run& run, const Value& value) {
  if (value.is_string()) return value.text();
  TextBuilder out(run.budget);
  print(run, value, out);
  return out.take();
}

Text to_repr(Run& run, const Value& value) {
  TextBuilder out(run.budget);
  print_repr(run, value, out, 0);
  return out.take();
}

std::string float_repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto shortest =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
  const std::string_view scientific(buffer, static_cast<std::size_t>(shortest.ptr - buffer));
  const std::size_t e = scientific.find('e');
  int exponent = 0;
  const char* digits = scientific.data() + e + (scientific[e + 1] == '+' ? 2 : 1);
  std::from_chars(digits, shortest.ptr, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(scientific);
  const auto fixed =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::fixed);
  std::string text(buffer, fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

}  // namespace linnet::jinja
