#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// A stretch of a word: a character or byte at first, longer after merges.
struct Symbol {
  std::uint32_t begin;  ///< in bytes
  std::uint32_t bytes;
  TokenId token;  ///< -1 if the vocabulary has none for it
};

/// What two neighbours become, and when: the pair with the lowest order is merged first, of equal
/// ones the leftmost.
struct Merge {
  std::uint32_t order;
  TokenId token;
};

/// Merges neighbours until no pair can be merged any more, with a priority queue: n log n for a
/// word of n symbols. Keeps its memory from word to word, 20 bytes a symbol and at most 8 more for
/// the queue; not for several threads at once.
class Merger {
 public:
  /// Begins a word, which will have at most `most_symbols` symbols.
  void begin(std::size_t most_symbols) {
    places_.clear();
    places_.reserve(most_symbols);
  }
  /// The next symbol of the word begins at this byte.
  void add(std::uint32_t begin, TokenId token) { places_.push_back({begin, token, 1, {0, -1}}); }

  /// Merges the symbols of a word that ends at byte `end`. `merge_of(left, right)` returns the
  /// Merge of two neighbours, or one with token -1; `right` follows `left` in the word. Stops
  /// early, with some pairs left, if `is_given_up()`, which is asked now and then, says so.
  template <class MergeOf, class IsGivenUp>
  void run(std::uint32_t end, MergeOf merge_of, IsGivenUp is_given_up);

  /// Calls visit(symbol) with each one that is left, in order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t place = 0; place < count(); place = next(place)) visit(symbol_at(place));
  }

 private:
  // A symbol takes the place of those that were merged into it, a stretch that begins at its own.
  // The first place of a stretch has its length, the last one of a longer one where it begins.
  struct Place {
    std::uint32_t begin;
    TokenId token;
    std::uint32_t stretch;
    Merge merge;  // of the symbol here with the next one; token -1: none, or no symbol here
  };
  static constexpr std::uint32_t kBeginsAt = 1u << 31;
  static constexpr std::uint32_t kStepsBetweenQuestions = 1 << 16;

  // Order and place of a pair in one number, so that the lowest is the one to merge. It is out of
  // date where the pair at that place now has another order.
  using Entry = std::uint64_t;
  static constexpr Entry kNoPair = ~Entry{0};
  static Entry entry_of(std::uint32_t order, std::uint32_t place) {
    return std::uint64_t{order} << 32 | place;
  }

  std::uint32_t count() const { return static_cast<std::uint32_t>(places_.size()); }
  std::uint32_t next(std::uint32_t place) const { return place + places_[place].stretch; }
  // The same for the one before, if any.
  std::uint32_t previous(std::uint32_t place) const {
    const std::uint32_t stretch = places_[place - 1].stretch;
    return (stretch & kBeginsAt) != 0 ? stretch & ~kBeginsAt : place - 1;
  }
  void set_stretch(std::uint32_t place, std::uint32_t length) {
    places_[place].stretch = length;
    if (length > 1) places_[place + length - 1].stretch = place | kBeginsAt;
  }
  Symbol symbol_at(std::uint32_t place) const {
    const Place& at = places_[place];
    const std::uint32_t behind = next(place);
    return {at.begin, (behind < count() ? places_[behind].begin : end_) - at.begin, at.token};
  }
  Entry entry_at(std::uint32_t place) const {
    const Merge& merge = places_[place].merge;
    return merge.token < 0 ? kNoPair : entry_of(merge.order, place);
  }

  // Whether the pair here comes before both pairs that it has a symbol in common with. The pair
  // that comes first of all does, so that only such pairs need to be in the queue.
  bool comes_first(std::uint32_t place) const {
    const Entry own = entry_at(place);
    if (own == kNoPair) return false;
    if (place > 0 && entry_at(previous(place)) < own) return false;
    return next(place) >= count() || own < entry_at(next(place));
  }

  void push(std::uint32_t place) {
    if (heap_.size() >= places_.size()) drop_old_entries();
    heap_.push_back(entry_at(place));
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
  // At least every other one, since of two pairs that share a symbol one comes first.
  void drop_old_entries() {
    std::erase_if(heap_, [this](Entry entry) {
      const auto place = static_cast<std::uint32_t>(entry);
      return entry_at(place) != entry || !comes_first(place);
    });
    std::sort(heap_.begin(), heap_.end());  // which is a heap, too
    heap_.erase(std::unique(heap_.begin(), heap_.end()), heap_.end());
  }

  // Finds out what becomes of the symbol here and the next one.
  template <class MergeOf>
  void set_merge(std::uint32_t place, MergeOf& merge_of) {
    const std::uint32_t behind = next(place);
    places_[place].merge =
        behind < count() ? merge_of(symbol_at(place), symbol_at(behind)) : Merge{0, -1};
  }
  template <class MergeOf, class IsGivenUp>
  void fill_queue(MergeOf& merge_of, IsGivenUp& is_given_up);
  template <class MergeOf>
  void merge(std::uint32_t left, MergeOf& merge_of);

  std::vector<Place> places_;
  std::vector<Entry> heap_;
  std::uint32_t end_ = 0;
};

template <class MergeOf, class IsGivenUp>
void Merger::run(std::uint32_t end, MergeOf merge_of, IsGivenUp is_given_up) {
  end_ = end;
  fill_queue(merge_of, is_given_up);
  for (std::uint32_t step = 1; !heap_.empty(); ++step) {
    if (step % kStepsBetweenQuestions == 0 && is_given_up()) return;
    const Entry entry = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    const auto left = static_cast<std::uint32_t>(entry);
    if (entry_at(left) == entry) merge(left, merge_of);
  }
}

// Empty if it is given up.
template <class MergeOf, class IsGivenUp>
void Merger::fill_queue(MergeOf& merge_of, IsGivenUp& is_given_up) {
  heap_.clear();
  for (std::uint32_t i = 0; i < count(); ++i) {
    set_merge(i, merge_of);
    if ((i + 1) % kStepsBetweenQuestions == 0 && is_given_up()) return;
  }
  for (std::uint32_t i = 0; i < count(); ++i) {
    if (comes_first(i)) heap_.push_back(entry_at(i));
  }
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
}

// Merges the symbol at `left` with the next one.
template <class MergeOf>
void Merger::merge(std::uint32_t left, MergeOf& merge_of) {
  const std::uint32_t right = next(left), behind = next(right);
  const bool has_behind = behind < count();
  const bool has_before = left > 0;
  const std::uint32_t before = has_before ? previous(left) : 0;
  // Two pairs further away have other neighbours then, and may come first now.
  const bool has_second = has_before && before > 0;
  const std::uint32_t second = has_second ? previous(before) : 0;
  const bool second_did = has_second && comes_first(second);
  const bool behind_did = has_behind && comes_first(behind);

  places_[left].token = places_[left].merge.token;
  places_[right].merge.token = -1;
  set_stretch(left, behind - left);
  set_merge(left, merge_of);
  if (has_before) set_merge(before, merge_of);

  if (comes_first(left)) push(left);
  if (has_before && comes_first(before)) push(before);
  if (has_second && !second_did && comes_first(second)) push(second);
  if (has_behind && !behind_did && comes_first(behind)) push(behind);
}

}  // namespace linnet
