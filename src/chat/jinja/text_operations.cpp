#include "chat/jinja/text_operations.hpp"

#include <algorithm>
#include <limits>

#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

constexpr auto kNowhere = std::string::npos;

bool is_stripped(std::string_view text, std::size_t at, const Text* characters) {
  const Character character = character_at(text, at);
  if (!characters) return is_space(character.value);
  return characters->bytes().find(text.substr(at, character.bytes)) != kNowhere;
}

std::int64_t unlimited(std::int64_t count) {
  return count < 0 ? std::numeric_limits<std::int64_t>::max() : count;
}

std::vector<Text> split_at_spaces(const Text& text, std::int64_t most) {
  const std::string& bytes = text.bytes();
  std::vector<Text> parts;
  std::size_t begin = kNowhere;
  for (std::size_t at = 0; at < bytes.size();) {
    const Character character = character_at(bytes, at);
    const bool space = is_space(character.value);
    if (!space && begin == kNowhere) {
      begin = at;
      if (static_cast<std::int64_t>(parts.size()) == most) break;
    }
    if (space && begin != kNowhere) {
      parts.push_back(text.slice(begin, at));
      begin = kNowhere;
    }
    at += character.bytes;
  }
  if (begin != kNowhere) parts.push_back(text.slice(begin, bytes.size()));
  return parts;
}

// The parts in reverse: rsplit leaves what it does not cut at the left.
std::vector<Text> split_at_spaces_from_right(const Text& text, std::int64_t most) {
  const std::string& bytes = text.bytes();
  std::vector<Text> parts;
  std::size_t end = kNowhere;
  for (std::size_t at = bytes.size(); at > 0;) {
    const std::size_t before = previous_character(bytes, at);
    const bool space = is_space(character_at(bytes, before).value);
    if (!space && end == kNowhere) {
      end = at;
      if (static_cast<std::int64_t>(parts.size()) == most) break;
    }
    if (space && end != kNowhere) {
      parts.push_back(text.slice(at, end));
      end = kNowhere;
    }
    at = before;
  }
  if (end != kNowhere) parts.push_back(text.slice(0, end));
  return parts;
}

std::vector<Text> split_at_text(const Text& text, std::string_view separator, std::int64_t most) {
  std::vector<Text> parts;
  std::size_t begin = 0;
  while (static_cast<std::int64_t>(parts.size()) < most) {
    const std::size_t found = find_text(text.bytes(), separator, begin);
    if (found == kNowhere) break;
    parts.push_back(text.slice(begin, found));
    begin = found + separator.size();
  }
  parts.push_back(text.slice(begin, text.size()));
  return parts;
}

std::vector<Text> split_at_text_from_right(const Text& text, std::string_view separator,
                                           std::int64_t most) {
  std::vector<Text> parts;
  std::size_t end = text.size();
  const std::string_view bytes = text.bytes();
  while (static_cast<std::int64_t>(parts.size()) < most) {
    const std::size_t found = bytes.substr(0, end).rfind(separator);
    if (found == kNowhere) break;
    parts.push_back(text.slice(found + separator.size(), end));
    end = found;
  }
  parts.push_back(text.slice(0, end));
  return parts;
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
  const std::string_view bytes = text.bytes();
  std::size_t begin = 0;
  std::size_t end = bytes.size();
  while (side != Side::kRight && begin < end && is_stripped(bytes, begin, characters)) {
    begin += character_at(bytes, begin).bytes;
  }
  while (side != Side::kLeft && end > begin) {
    const std::size_t before = previous_character(bytes, end);
    if (!is_stripped(bytes, before, characters)) break;
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

std::vector<Text> split(Run& run, const Text& text, const Text* separator, std::int64_t most,
                        bool from_right) {
  run.budget.work(text.size() * (separator && from_right ? separator->size() + 1 : 1));
  run.budget.step(static_cast<std::int64_t>(text.size() / 16));  // parts may be short
  if (separator && separator->empty()) fail("empty separator");
  most = unlimited(most);
  if (!from_right) {
    return separator ? split_at_text(text, separator->bytes(), most) : split_at_spaces(text, most);
  }
  auto parts = separator ? split_at_text_from_right(text, separator->bytes(), most)
                         : split_at_spaces_from_right(text, most);
  std::ranges::reverse(parts);
  return parts;
}

std::vector<Text> split_lines(Run& run, const Text& text, bool keep_ends) {
  run.budget.work(text.size());
  const std::string& bytes = text.bytes();
  std::vector<Text> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const Character character = character_at(bytes, at);
    std::size_t next = at + character.bytes;
    if (is_line_break(character.value)) {
      if (character.value == '\r' && next < bytes.size() && bytes[next] == '\n') ++next;
      lines.push_back(text.slice(begin, keep_ends ? next : at));
      begin = next;
    }
    at = next;
  }
  if (begin < bytes.size()) lines.push_back(text.slice(begin, bytes.size()));
  return lines;
}

Text join(Run& run, const Text& separator, const std::vector<Text>& parts) {
  TextBuilder out(run.budget);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out.append(separator);
    out.append(parts[i]);
  }
  return out.take();
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
