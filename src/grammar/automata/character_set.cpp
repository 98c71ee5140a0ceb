#include "grammar/automata/character_set.hpp"

#include <algorithm>

namespace linnet::grammar {
namespace {

constexpr char32_t kFirstSurrogate = 0xd800;
constexpr char32_t kLastSurrogate = 0xdfff;

}  // namespace

void CharacterSet::add(char32_t first, char32_t last) {
  last = std::min(last, kLastCharacter);
  if (first < kFirstSurrogate) add_scalars(first, std::min<char32_t>(last, kFirstSurrogate - 1));
  if (last > kLastSurrogate) add_scalars(std::max<char32_t>(first, kLastSurrogate + 1), last);
}

void CharacterSet::add_scalars(char32_t first, char32_t last) {
  if (first > last) return;
  // The ranges that overlap or touch the new one become one with it.
  const auto begin =
      std::partition_point(ranges_.begin(), ranges_.end(),
                           [&](const CharacterRange& range) { return range.last + 1 < first; });
  const auto end = std::partition_point(
      begin, ranges_.end(), [&](const CharacterRange& range) { return range.first <= last + 1; });
  if (begin != end) {
    first = std::min(first, begin->first);
    last = std::max(last, (end - 1)->last);
  }
  const auto at = ranges_.erase(begin, end);
  ranges_.insert(at, {first, last});
}

void CharacterSet::add(const CharacterSet& other) {
  for (const CharacterRange& range : other.ranges_) add(range.first, range.last);
}

CharacterSet CharacterSet::complement() const {
  CharacterSet result;
  char32_t next = 0;
  for (const CharacterRange& range : ranges_) {
    if (range.first > next) result.add(next, range.first - 1);
    next = range.last + 1;
  }
  if (next <= kLastCharacter) result.add(next, kLastCharacter);
  return result;
}

CharacterSet CharacterSet::intersection(const CharacterSet& other) const {
  CharacterSet result;
  for (auto a = ranges_.begin(), b = other.ranges_.begin();
       a != ranges_.end() && b != other.ranges_.end();) {
    const char32_t first = std::max(a->first, b->first), last = std::min(a->last, b->last);
    if (first <= last) result.add(first, last);
    a->last < b->last ? ++a : ++b;
  }
  return result;
}

bool CharacterSet::contains(char32_t character) const {
  const auto at =
      std::partition_point(ranges_.begin(), ranges_.end(),
                           [&](const CharacterRange& range) { return range.last < character; });
  return at != ranges_.end() && at->first <= character;
}

}  // namespace linnet::grammar
