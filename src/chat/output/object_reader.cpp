#include "chat/output/object_reader.hpp"

#include <nlohmann/json.hpp>

#include "base/utf8.hpp"
#include "chat/json_text.hpp"
#include "chat/output/call_syntax.hpp"

namespace linnet {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

// Of a character of a string or its escape; 0 where more of it is needed. Surrogates are one
// character with their second half.
std::size_t character_bytes(std::string_view text) {
  if (text[0] != '\\') {
    const Character character = first_character(text);
    return character.kind == Character::Kind::kIncomplete ? 0 : character.bytes;
  }
  if (text.size() < 2) return 0;
  if (text[1] != 'u') return 2;
  constexpr std::size_t kUnit = 6;  // \uXXXX
  if (text.size() < kUnit) return 0;
  const bool is_first_half =
      (text[2] | 0x20) == 'd' && std::string_view("89abAB").find(text[3]) != std::string_view::npos;
  if (!is_first_half) return kUnit;
  return text.size() < 2 * kUnit ? 0 : 2 * kUnit;
}

}  // namespace

std::size_t ObjectReader::read(std::string_view text, std::string& written) {
  const std::size_t bytes = text.size();
  while (!text.empty() && step(text, written)) {
  }
  return bytes - text.size();
}

bool ObjectReader::step(std::string_view& text, std::string& written) {
  if (state_ == State::kOutside) return step_outside(text, written);
  return state_ == State::kString && step_string(text, written);
}

bool ObjectReader::step_outside(std::string_view& text, std::string& written) {
  const std::size_t spaces = std::min(text.find_first_not_of(kSpaces), text.size());
  if (spaces > 0) {
    text.remove_prefix(spaces);
    return true;
  }
  constexpr std::string_view kSigns = "{}[],:\"";
  if (kSigns.find(text[0]) != std::string_view::npos) {
    written += text[0];
    take_bracket(text[0]);
    if (text[0] == '"') state_ = State::kString;
    text.remove_prefix(1);
    return true;
  }
  const std::size_t end = text.find_first_of(" \t\r\n{}[],:\"");  // of a number or a name
  if (end == std::string_view::npos) return false;
  const std::string_view value = text.substr(0, end);
  text.remove_prefix(end);
  return write_value(value, written);
}

void ObjectReader::take_bracket(char bracket) {
  if (bracket == '{' || bracket == '[') {
    if (++depth_ > kMaxArgumentDepth) state_ = State::kFailed;
  } else if (bracket == '}' || bracket == ']') {
    if (--depth_ <= 0) state_ = State::kComplete;
  }
}

// All characters that are there up to the string's end, and the end.
bool ObjectReader::step_string(std::string_view& text, std::string& written) {
  std::size_t end = 0;
  while (end < text.size() && text[end] != '"') {
    const std::size_t bytes = character_bytes(text.substr(end));
    if (bytes == 0) break;
    end += bytes;
  }
  if (end > 0) {
    std::string string;
    if (!write_value('"' + std::string(text.substr(0, end)) + '"', string)) return false;
    written.append(string, 1, string.size() - 2);
    text.remove_prefix(end);
    return true;
  }
  if (text[0] != '"') return false;
  written += '"';
  text.remove_prefix(1);
  state_ = State::kOutside;
  return true;
}

bool ObjectReader::write_value(std::string_view value, std::string& written) {
  const auto json = nlohmann::ordered_json::parse(value, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    state_ = State::kFailed;
    return false;
  }
  written += json_text(json);
  return true;
}

}  // namespace linnet
