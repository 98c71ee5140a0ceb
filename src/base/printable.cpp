#include "base/printable.hpp"

#include "base/utf8.hpp"

namespace linnet {
namespace {

// Embeddings, overrides and isolates (https://www.unicode.org/reports/tr9, section 2), after which
// a name may look like another one.
bool turns_direction(char32_t c) {
  return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::string_view rest = text;
    const auto character = take_character(text);
    if (!character) {
      shown += '?';
      text.remove_prefix(1);
    } else if (is_control(*character) || turns_direction(*character)) {
      shown += '?';
    } else {
      shown += rest.substr(0, rest.size() - text.size());
    }
  }
  return shown;
}

std::string without_controls(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const std::string_view rest = text;
    const auto character = take_character(text);
    if (!character) text.remove_prefix(1);
    const bool is_dropped =
        character && is_control(*character) && *character != '\n' && *character != '\t';
    if (!is_dropped) kept += rest.substr(0, rest.size() - text.size());
  }
  return kept;
}

}  // namespace linnet
