#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "backend/backend.hpp"
#include "base/token_id.hpp"
#include "generate/cache/prefix_hash.hpp"

namespace linnet {

/// Who holds which page of the KV cache. Pages are remembered by the tokens that they and all pages
/// before them hold, so that sequences share a common beginning; pages that nobody holds are given
/// away again, the longest unused first. What holds and releases them takes no memory, so that
/// nothing is lost if there is none.
class PagePool {
 public:
  explicit PagePool(std::int64_t pages);

  std::int64_t pages() const { return static_cast<std::int64_t>(entries_.size()); }
  std::int64_t free_pages() const { return static_cast<std::int64_t>(idle_.size()); }

  /// A page for one holder, or nothing if all are held. Its old content is forgotten.
  std::optional<std::int32_t> take() noexcept;
  void hold(std::int32_t page) noexcept;
  void release(std::int32_t page) noexcept;

  /// A beginning of a sequence: full pages, and after them perhaps one that begins with what
  /// follows. hashes[i] stands for the tokens of pages 0 to i after `root`, an
  /// empty_prefix_hash().
  struct Prefix {
    std::uint64_t root = empty_prefix_hash();
    std::vector<std::int32_t> pages;
    std::vector<std::uint64_t> hashes;
    std::optional<std::int32_t> tail;
    std::int64_t tail_tokens = 0;  ///< fewer than kPageTokens

    std::int64_t tokens() const { return std::ssize(pages) * kPageTokens + tail_tokens; }
    std::uint64_t hash() const { return hashes.empty() ? root : hashes.back(); }
  };

  /// The longest known beginning of `tokens` after `root`; each of its pages is held once more.
  Prefix find_prefix(std::span<const TokenId> tokens, std::uint64_t root = empty_prefix_hash());
  /// Adds or drops one holder of each of a prefix's pages.
  void hold(const Prefix& prefix) noexcept;
  void release(const Prefix& prefix) noexcept;

  /// Remembers that `page` holds `tokens` (at most kPageTokens) after the prefix with the hash
  /// `parent`; more may come after them. Returns the hash of the prefix with these tokens.
  std::uint64_t remember(std::uint64_t parent, std::span<const TokenId> tokens, std::int32_t page);

 private:
  // What a page is remembered by: the hash of what stands before it, and its tokens.
  struct Key {
    std::uint64_t parent;
    std::vector<TokenId> tokens;  // with room for kPageTokens
  };
  struct KeyView {
    std::uint64_t parent;
    std::span<const TokenId> tokens;
  };
  struct KeyOrder {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const {
      if (a.parent != b.parent) return a.parent < b.parent;
      return std::ranges::lexicographical_compare(a.tokens, b.tokens);
    }
  };
  using ByKey = std::multimap<Key, std::int32_t, KeyOrder>;
  struct Entry {
    int holders = 0;
    std::optional<ByKey::iterator> place;    // where it is remembered
    std::list<std::int32_t>::iterator node;  // in idle_, or in held_
  };
  struct Match {
    std::int32_t page;
    std::int64_t tokens;
  };

  void forget(std::int32_t page) noexcept;
  std::optional<Match> best_match(std::uint64_t parent, std::span<const TokenId> tokens) const;

  std::vector<Entry> entries_;
  std::list<std::int32_t> idle_;  // held by nobody, the longest unused first
  std::list<std::int32_t> held_;
  // Thousands of pages stand after one beginning, where many conversations have it in common;
  // those that begin alike are neighbours here.
  ByKey by_key_;
};

}  // namespace linnet
