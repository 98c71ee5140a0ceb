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
  TokenId token;  ///< -1 where the vocabulary has none for it
};

/// What two neighbours become, and when: the pair with the lowest order is merged first, of equal
/// ones the leftmost.
struct Merge {
  std::uint32_t order;
  TokenId token;
};

/// Merges neighbours until no pair can be merged any more, with a priority queue: n log n for a
/// word of n symbols. Keeps its memory from word to word; not for several threads at once.
class Merger {
 public:
  /// Replaces `symbols` by what is left of them. `merge_of(left, right)` gives the Merge of two
  /// neighbours, or one with token -1; `right` follows `left` in the word.
  template <class MergeOf>
  void run(std::vector<Symbol>& symbols, MergeOf merge_of);

 private:
  struct Link {
    std::int32_t previous, next;  // -1 at the ends
    Merge merge;                  // with the next symbol
  };
  // Order and place of a pair in one number, so that the lowest is the one to merge. It is out of
  // date where the pair at that place now has another order.
  using Entry = std::uint64_t;
  static Entry entry_of(std::uint32_t order, std::int32_t place) {
    return std::uint64_t{order} << 32 | static_cast<std::uint32_t>(place);
  }

  std::vector<Link> links_;
  std::vector<Entry> heap_;
};

template <class MergeOf>
void Merger::run(std::vector<Symbol>& symbols, MergeOf merge_of) {
  const auto count = static_cast<std::int32_t>(symbols.size());
  if (count < 2) return;
  links_.resize(symbols.size());
  heap_.clear();
  for (std::int32_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    const Merge merge = last ? Merge{0, -1} : merge_of(symbols[i], symbols[i + 1]);
    links_[i] = {i - 1, last ? -1 : i + 1, merge};
    if (merge.token >= 0) heap_.push_back(entry_of(merge.order, i));
  }
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());

  const auto update = [&](std::int32_t i) {
    Link& link = links_[i];
    link.merge = link.next < 0 ? Merge{0, -1} : merge_of(symbols[i], symbols[link.next]);
    if (link.merge.token < 0) return;
    heap_.push_back(entry_of(link.merge.order, i));
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  };
  while (!heap_.empty()) {
    const Entry entry = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    const auto left = static_cast<std::int32_t>(entry & 0xffffffffu);
    Link& link = links_[left];
    if (symbols[left].bytes == 0 || link.merge.token < 0 || link.merge.order != entry >> 32) {
      continue;
    }
    const std::int32_t right = link.next;
    symbols[left].bytes += symbols[right].bytes;
    symbols[left].token = link.merge.token;
    symbols[right].bytes = 0;
    link.next = links_[right].next;
    if (link.next >= 0) links_[link.next].previous = left;
    update(left);
    if (link.previous >= 0) update(link.previous);
  }
  std::erase_if(symbols, [](const Symbol& symbol) { return symbol.bytes == 0; });
}

}  // namespace linnet
