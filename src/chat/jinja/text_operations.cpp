#include "chat/jinja/text_operations.hpp"

#include <algorithm>
#include <limits>

#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

constexpr auto kNowhere = std::string::npos;

// The characters of a text, each once and in order.
std::u32string character_set(const std::string& text) {
  std::u32string set;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    set.push_back(character.value);
    at += character.bytes;
  }
  std::ranges::sort(set);
  set.erase(std::unique(set.begin(), set.end()), set.end());
  return set;
}

std::int64_t unlimited(std::int64_t count) {
  return count < 0 ? std::numeric_limits<std::int64_t>::max() : count;
}

// The parts of a string, of the same kind as it.
class Parts {
 public:
  Parts(Run& run, const Value& string) : run_(run), string_(string) {}
  const Text& text() const { return string_.text(); }
  std::int64_t count() const { return static_cast<std::int64_t>(parts_.size()); }
  void add(std::size_t begin, std::size_t end) {
    parts_.push_back(run_.text(text().slice(begin, end), string_.is_markup()));
  }
  std::vector<Value> take() { return std::move(parts_); }
  std::vector<Value> take_reversed() {
    std::ranges::reverse(parts_);
    return std::move(parts_);
  }

 private:
  Run& run_;
  const Value& string_;
  std::vector<Value> parts_;
};

std::vector<Value> split_at_spaces(Parts parts, std::int64_t most) {
  const std::string& bytes = parts.text().bytes();
  std::size_t begin = kNowhere;
  for (std::size_t at = 0; at < bytes.size();) {
    const Character character = character_at(bytes, at);
    const bool space = is_space(character.value);
    if (!space && begin == kNowhere) {
      begin = at;
      if (parts.count() == most) break;
    }
    if (space && begin != kNowhere) {
      parts.add(begin, at);
      begin = kNowhere;
    }
    at += character.bytes;
  }
  if (begin != kNowhere) parts.add(begin, bytes.size());
  return parts.take();
}

// rsplit leaves what it does not cut at the left.
std::vector<Value> split_at_spaces_from_right(Parts parts, std::int64_t most) {
  const std::string& bytes = parts.text().bytes();
  std::size_t end = kNowhere;
  for (std::size_t at = bytes.size(); at > 0;) {
    const std::size_t before = previous_character(bytes, at);
    const bool space = is_space(character_at(bytes, before).value);
    if (!space && end == kNowhere) {
      end = at;
      if (parts.count() == most) break;
    }
    if (space && end != kNowhere) {
      parts.add(at, end);
      end = kNowhere;
    }
    at = before;
  }
  if (end != kNowhere) parts.add(0, end);
  return parts.take_reversed();
}

std::vector<Value> split_at_text(Parts parts, std::string_view separator, std::int64_t most) {
  const std::string& bytes = parts.text().bytes();
  std::size_t begin = 0;
  while (parts.count() < most) {
    const std::size_t found = find_text(bytes, separator, begin);
    if (found == kNowhere) break;
    parts.add(begin, found);
    begin = found + separator.size();
  }
  parts.add(begin, bytes.size());
  return parts.take();
}

std::vector<Value> split_at_text_from_right(Parts parts, std::string_view separator,
                                            std::int64_t most) {
  const std::string_view bytes = parts.text().bytes();
  std::size_t end = bytes.size();
  while (parts.count() < most) {
    const std::size_t found = bytes.substr(0, end).rfind(separator);
    if (found == kNowhere) break;
    parts.add(found + separator.size(), end);
    end = found;
  }
  parts.add(0, end);
  return parts.take_reversed();
}

// str.replace with nothing to search for: `to` before each character and at the end.
Text insert_between(Run& run, const Text& text, const Text& to, std::int64_t count) {
  TextBuilder out(run.budget);
  std::size_t at = 0;
  for (; count > 0; --count) {
    out.append(to);
    if (at == text.size()) break;
    const std::size_t end = at + character_at(text.bytes(), at).bytes;
    out.append(text, at, end);
    at = end;
  }
  out.append(text, at, text.size());
  return out.take();
}

template <class Map>
void map_characters(const Text& text, std::size_t begin, TextBuilder& out, Map map) {
  for (std::size_t at = begin; at < text.size();) {
    const Character character = character_at(text.bytes(), at);
    out.append(map(character.value), text.origin_at(at));
    at += character.bytes;
  }
}

}  // namespace

Text strip(Run& run, const Text& text, const Text* characters, Side side) {
  run.budget.work(text.size());
  if (characters) run.budget.step(static_cast<std::int64_t>(characters->size() / 8));
  const std::u32string set = characters ? character_set(characters->bytes()) : U"";
  const std::string_view bytes = text.bytes();
  const auto is_stripped = [&](std::size_t at) {
    const char32_t character = character_at(bytes, at).value;
    return characters ? std::ranges::binary_search(set, character) : is_space(character);
  };
  std::size_t begin = 0;
  std::size_t end = bytes.size();
  while (side != Side::kRight && begin < end && is_stripped(begin)) {
    begin += character_at(bytes, begin).bytes;
  }
  while (side != Side::kLeft && end > begin) {
    const std::size_t before = previous_character(bytes, end);
    if (!is_stripped(before)) break;
    end = before;
  }
  return text.slice(begin, end);
}

Text replace(Run& run, const Text& text, const Text& from, const Text& to, std::int64_t count) {
  run.budget.work(text.size() + to.size());
  count = unlimited(count);
  if (from.empty()) return insert_between(run, text, to, count);
  TextBuilder out(run.budget);
  std::size_t begin = 0;
  for (; count > 0; --count) {
    const std::size_t found = find_text(text.bytes(), from.bytes(), begin);
    if (found == kNowhere) break;
    out.append(text, begin, found);
    out.append(to);
    begin = found + from.size();
  }
  out.append(text, begin, text.size());
  return out.take();
}

std::vector<Value> split(Run& run, const Value& string, const Text* separator, std::int64_t most,
                         bool from_right) {
  const std::size_t size = string.text().size();
  run.budget.work(size * (separator && from_right ? separator->size() + 1 : 1));
  run.budget.step(static_cast<std::int64_t>(size / 16));  // parts may be short
  if (separator && separator->empty()) fail("empty separator");
  most = unlimited(most);
  Parts parts(run, string);
  if (!separator) {
    return from_right ? split_at_spaces_from_right(std::move(parts), most)
                      : split_at_spaces(std::move(parts), most);
  }
  return from_right ? split_at_text_from_right(std::move(parts), separator->bytes(), most)
                    : split_at_text(std::move(parts), separator->bytes(), most);
}

std::vector<Value> split_lines(Run& run, const Value& string, bool keep_ends) {
  const std::string& bytes = string.text().bytes();
  run.budget.work(bytes.size());
  Parts lines(run, string);
  std::size_t begin = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const Character character = character_at(bytes, at);
    std::size_t next = at + character.bytes;
    if (is_line_break(character.value)) {
      if (character.value == '\r' && next < bytes.size() && bytes[next] == '\n') ++next;
      lines.add(begin, keep_ends ? next : at);
      begin = next;
    }
    at = next;
  }
  if (begin < bytes.size()) lines.add(begin, bytes.size());
  return lines.take();
}

Text to_upper(Run& run, const Text& text) {
  run.budget.step(static_cast<std::int64_t>(text.size() / 8));
  TextBuilder out(run.budget);
  map_characters(text, 0, out, [](char32_t c) { return to_upper(c); });
  return out.take();
}

Text to_lower(Run& run, const Text& text) {
  run.budget.step(static_cast<std::int64_t>(text.size() / 8));
  TextBuilder out(run.budget);
  map_characters(text, 0, out, [](char32_t c) { return to_lower(c); });
  return out.take();
}

Text capitalize(Run& run, const Text& text) {
  if (text.empty()) return text;
  const Character first = character_at(text.bytes(), 0);
  TextBuilder out(run.budget);
  out.append(to_title(first.value), text.origin_at(0));
  out.append(to_lower(run, text.slice(first.bytes, text.size())));
  return out.take();
}

}  // namespace linnet::jinja
