#pragma once

#include <span>
#include <vector>

namespace linnet::grammar {

inline constexpr char32_t kLastCharacter = 0x10ffff;

struct CharacterRange {
  char32_t first = 0;
  char32_t last = 0;
  bool operator==(const CharacterRange&) const = default;
};

/// A set of Unicode characters (scalar values: surrogates are never in it), kept as sorted ranges
/// that do not touch.
class CharacterSet {
 public:
  CharacterSet() = default;
  CharacterSet(char32_t first, char32_t last) { add(first, last); }
  explicit CharacterSet(char32_t character) { add(character, character); }
  static CharacterSet all() { return {0, kLastCharacter}; }

  void add(char32_t first, char32_t last);
  void add(const CharacterSet& other);

  CharacterSet complement() const;
  CharacterSet intersection(const CharacterSet& other) const;

  bool empty() const { return ranges_.empty(); }
  bool contains(char32_t character) const;
  std::span<const CharacterRange> ranges() const { return ranges_; }
  bool operator==(const CharacterSet&) const = default;

 private:
  void add_scalars(char32_t first, char32_t last);

  std::vector<CharacterRange> ranges_;
};

}  // namespace linnet::grammar
