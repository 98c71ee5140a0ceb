#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "backend/backend.hpp"

namespace linnet {

/// Who holds which page of the KV cache. Full pages are remembered by the tokens that they and all
/// pages before them hold, so that sequences share a common beginning; pages that nobody holds are
/// given away again, the longest unused first.
class PagePool {
 public:
  explicit PagePool(std::int64_t pages);

  std::int64_t pages() const { return static_cast<std::int64_t>(entries_.size()); }
  std::int64_t free_pages() const;

  /// A page for one holder, or nothing if all are held. Its old content is forgotten.
  std::optional<std::int32_t> take();
  void hold(std::int32_t page);
  void release(std::int32_t page);

  /// A beginning of a sequence in whole pages; hashes[i] stands for the tokens of pages 0 to i.
  struct Prefix {
    std::vector<std::int32_t> pages;
    std::vector<std::uint64_t> hashes;

    std::uint64_t hash() const { return hashes.empty() ? kEmptyPrefix : hashes.back(); }
  };
  static constexpr std::uint64_t kEmptyPrefix = 0xcbf29ce484222325u;

  /// The longest known beginning of `tokens`; each of its pages is held once more.
  Prefix find_prefix(std::span<const std::int32_t> tokens);
  /// Remembers that `page` holds `page_tokens` (kPageTokens of them) after the prefix with the hash
  /// `parent`; gives the hash of the prefix with this page.
  std::uint64_t remember(std::uint64_t parent, std::span<const std::int32_t> page_tokens,
                         std::int32_t page);

 private:
  struct Entry {
    int holders = 0;
    std::optional<std::uint64_t> hash;
    std::uint64_t parent = 0;
    std::vector<std::int32_t> tokens;  // of this page, to rule out collisions of the hash
    std::list<std::int32_t>::iterator idle;
  };

  bool holds(std::int32_t page, std::uint64_t parent, std::span<const std::int32_t> tokens) const;
  void forget(std::int32_t page);

  std::vector<Entry> entries_;
  std::list<std::int32_t> idle_;  // held by nobody, the longest unused first
  std::unordered_map<std::uint64_t, std::int32_t> by_hash_;
};

}  // namespace linnet
