#include <algorithm>
#include <cmath>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/print.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

// Writes what Python's json.dumps would. Brackets and numbers count as data: they come from values.
class JsonWriter {
 public:
  JsonWriter(Run& run, const JsonStyle& style) : run_(run), style_(style), out_(run.budget) {}

  void write(const Value& value, int depth) {
    if (depth > kMaxValueDepth)
      fail("a value for JSON is nested more than {} deep", kMaxValueDepth);
    run_.budget.step();
    if (value.is_string()) return write_string(value.text());
    if (const Dict* dict = value.dict()) return write_dict(*dict, depth);
    const Sequence* sequence = value.sequence();
    if (sequence && sequence->kind <= Sequence::Kind::kTuple) return write_list(*sequence, depth);
    if (!value.is_none() && !value.is_number()) {
      fail("Object of type {} is not JSON serializable", type_name(value));
    }
    raw(scalar(value));
  }

  Text take() { return out_.take(); }

 private:
  void raw(std::string_view bytes) { out_.append(bytes, Origin::kData); }

  static std::string scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (value.is<bool>()) return value.as<bool>() ? "true" : "false";
    if (value.is<Integer>()) return fmt::format("{}", value.integer());
    const double number = value.number();
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
    return float_repr(number);
  }

  // "" where the character stands for itself.
  std::string escape(char32_t c) const {
    constexpr std::string_view kLetters = "\"\"\\\\\nn\rr\tt\ff\bb";
    for (std::size_t i = 0; i < kLetters.size(); i += 2) {
      if (c == static_cast<char32_t>(kLetters[i])) return {'\\', kLetters[i + 1]};
    }
    const auto code = static_cast<std::uint32_t>(c);
    if (code < 0x20 || (style_.ascii_only && code >= 0x7f && code < 0x10000)) {
      return fmt::format("\\u{:04x}", code);
    }
    if (!style_.ascii_only || code < 0x10000) return {};
    const std::uint32_t offset = code - 0x10000;
    return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (offset >> 10), 0xdc00 + (offset & 0x3ff));
  }

  void write_string(const Text& text) {
    run_.budget.work(text.size());
    raw("\"");
    std::size_t plain_from = 0;
    for (std::size_t at = 0; at < text.size();) {
      const Character character = character_at(text.bytes(), at);
      const std::string escaped = escape(character.value);
      if (!escaped.empty()) {
        out_.append(text, plain_from, at);
        out_.append(escaped, text.origin_at(at));
        plain_from = at + character.bytes;
      }
      at += character.bytes;
    }
    out_.append(text, plain_from, text.size());
    raw("\"");
  }

  void new_line(int depth) {
    if (!style_.is_indented) return;
    raw("\n");
    for (int i = 0; i < depth; ++i) out_.append(style_.indent);
  }

  void write_list(const Sequence& sequence, int depth) {
    if (sequence.items.empty()) return raw("[]");
    raw("[");
    for (std::size_t i = 0; i < sequence.items.size(); ++i) {
      if (i > 0) out_.append(style_.item_separator);
      new_line(depth + 1);
      write(sequence.items[i], depth + 1);
    }
    new_line(depth);
    raw("]");
  }

  void write_key(const Value& key) {
    if (key.is_string()) return write_string(key.text());
    if (!key.is_none() && !key.is_number()) {
      fail("keys must be str, int, float, bool or None, not {}", type_name(key));
    }
    raw("\"");
    raw(scalar(key));
    raw("\"");
  }

  void write_dict(const Dict& dict, int depth) {
    if (dict.entries().empty()) return raw("{}");
    std::vector<const Dict::Entry*> entries;
    for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::ranges::stable_sort(entries, [&](const Dict::Entry* a, const Dict::Entry* b) {
        return compare(run_, a->first, b->first) < 0;
      });
    }
    raw("{");
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_.append(style_.item_separator);
      new_line(depth + 1);
      write_key(entries[i]->first);
      out_.append(style_.key_separator);
      write(entries[i]->second, depth + 1);
    }
    new_line(depth);
    raw("}");
  }

  Run& run_;
  const JsonStyle& style_;
  TextBuilder out_;
};

}  // namespace

Text to_json(Run& run, const Value& value, const JsonStyle& style) {
  JsonWriter writer(run, style);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace linnet::jinja
