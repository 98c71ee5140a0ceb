#include "grammar/utf8.hpp"

#include <algorithm>

namespace linnet::grammar {
namespace {

// The largest character of each length, from 0 bytes.
constexpr std::array<char32_t, 5> kLargest = {0, 0x7f, 0x7ff, 0xffff, 0x10ffff};

std::string utf8_of(char32_t character) {
  std::string bytes;
  append_utf8(bytes, character);
  return bytes;
}

// `first` and `last` have the same length. Cuts the range until every byte varies independently.
void split(char32_t first, char32_t last, int length, std::vector<ByteSequence>& out) {
  for (int i = 1; i < length; ++i) {
    const char32_t mask = (char32_t{1} << (6 * i)) - 1;
    if ((first & ~mask) == (last & ~mask)) continue;
    if ((first & mask) != 0) {
      split(first, first | mask, length, out);
      return split((first | mask) + 1, last, length, out);
    }
    if ((last & mask) != mask) {
      split(first, (last & ~mask) - 1, length, out);
      return split(last & ~mask, last, length, out);
    }
  }
  const std::string low = utf8_of(first), high = utf8_of(last);
  ByteSequence sequence;
  sequence.length = length;
  for (int i = 0; i < length; ++i) {
    sequence.ranges[i] = {static_cast<std::uint8_t>(low[i]), static_cast<std::uint8_t>(high[i])};
  }
  out.push_back(sequence);
}

}  // namespace

std::optional<std::u32string> to_characters(std::string_view text) {
  std::u32string characters;
  while (!text.empty()) {
    const auto character = take_character(text);
    if (!character) return std::nullopt;
    characters.push_back(*character);
  }
  return characters;
}

std::vector<ByteSequence> utf8_sequences(CharacterRange range) {
  std::vector<ByteSequence> sequences;
  for (int length = 1; length <= 4; ++length) {
    const char32_t smallest = length == 1 ? 0 : kLargest[length - 1] + 1;
    const char32_t first = std::max(range.first, smallest);
    const char32_t last = std::min(range.last, kLargest[length]);
    if (first <= last) split(first, last, length, sequences);
  }
  return sequences;
}

}  // namespace linnet::grammar
