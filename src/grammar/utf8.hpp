#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.hpp"
#include "grammar/automata/character_set.hpp"

namespace linnet::grammar {

/// The characters of `text`; nothing if it is not valid UTF-8.
std::optional<std::u32string> to_characters(std::string_view text);

/// One to four ranges of bytes, one after the other.
struct ByteSequence {
  struct Range {
    std::uint8_t first = 0;
    std::uint8_t last = 0;
  };
  std::array<Range, 4> ranges;
  int length = 0;
};

/// Byte sequences that together spell exactly the characters of `range`.
std::vector<ByteSequence> utf8_sequences(CharacterRange range);

}  // namespace linnet::grammar
