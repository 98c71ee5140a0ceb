#include "generate/cache/page_pool.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace linnet {

PagePool::PagePool(std::int64_t pages) : entries_(static_cast<std::size_t>(pages)) {
  for (std::int32_t page = 0; page < pages; ++page) {
    entries_[page].node = idle_.insert(idle_.end(), page);
  }
}

std::optional<std::int32_t> PagePool::take() noexcept {
  if (idle_.empty()) return std::nullopt;
  const std::int32_t page = idle_.front();
  forget(page);
  hold(page);
  return page;
}

void PagePool::hold(std::int32_t page) noexcept {
  Entry& entry = entries_[page];
  if (entry.holders++ == 0) held_.splice(held_.end(), idle_, entry.node);
}

void PagePool::release(std::int32_t page) noexcept {
  Entry& entry = entries_[page];
  assert(entry.holders > 0);
  if (--entry.holders > 0) return;
  // A page that nobody can find again is the first to be taken.
  idle_.splice(entry.place ? idle_.end() : idle_.begin(), held_, entry.node);
}

void PagePool::hold(const Prefix& prefix) noexcept {
  for (const std::int32_t page : prefix.pages) hold(page);
  if (prefix.tail) hold(*prefix.tail);
}

void PagePool::release(const Prefix& prefix) noexcept {
  // The last page first: it is of no use without those before it.
  if (prefix.tail) release(*prefix.tail);
  for (auto page = prefix.pages.rbegin(); page != prefix.pages.rend(); ++page) release(*page);
}

void PagePool::forget(std::int32_t page) noexcept {
  Entry& entry = entries_[page];
  if (entry.place) by_key_.erase(*entry.place);
  entry.place.reset();
}

// The page after `parent` that begins with most of `tokens`: of all in their order one of the two
// between which they would stand.
std::optional<PagePool::Match> PagePool::best_match(std::uint64_t parent,
                                                    std::span<const TokenId> tokens) const {
  std::optional<Match> best;
  const auto try_page = [&](const ByKey::value_type& known) {
    const auto& [key, page] = known;
    if (key.parent != parent) return;
    const auto common = std::ranges::mismatch(key.tokens, tokens).in1 - key.tokens.begin();
    if (common > (best ? best->tokens : 0)) best = Match{page, common};
  };
  const auto behind = by_key_.lower_bound(KeyView{parent, tokens});
  if (behind != by_key_.end()) try_page(*behind);
  if (behind != by_key_.begin()) try_page(*std::prev(behind));
  return best;
}

PagePool::Prefix PagePool::find_prefix(std::span<const TokenId> tokens, std::uint64_t root) {
  Prefix prefix;
  prefix.root = root;
  prefix.hashes.reserve(tokens.size() / kPageTokens);
  prefix.pages.reserve(tokens.size() / kPageTokens);
  while (const auto match = best_match(prefix.hash(), tokens)) {
    hold(match->page);
    if (match->tokens < kPageTokens) {
      prefix.tail = match->page;
      prefix.tail_tokens = match->tokens;
      break;
    }
    prefix.hashes.push_back(extend_prefix_hash(prefix.hash(), tokens.first(kPageTokens)));
    prefix.pages.push_back(match->page);
    tokens = tokens.subspan(kPageTokens);
  }
  return prefix;
}

std::uint64_t PagePool::remember(std::uint64_t parent, std::span<const TokenId> tokens,
                                 std::int32_t page) {
  const std::uint64_t hash = extend_prefix_hash(parent, tokens);
  Entry& entry = entries_[page];
  if (entry.place) {  // it has more of them now
    auto known = by_key_.extract(*entry.place);
    known.key().tokens.assign(tokens.begin(), tokens.end());
    entry.place = by_key_.insert(std::move(known));
    return hash;
  }
  const auto known = best_match(parent, tokens);
  if (known && known->tokens == std::ssize(tokens)) {
    Entry& other = entries_[known->page];
    if (other.holders > 0 || (*other.place)->first.tokens.size() > tokens.size()) return hash;
    // If two hold the same, the one in use is remembered.
    forget(known->page);
    idle_.splice(idle_.begin(), idle_, other.node);
  }
  Key key{parent, {}};
  key.tokens.reserve(kPageTokens);
  key.tokens.assign(tokens.begin(), tokens.end());
  entry.place = by_key_.emplace(std::move(key), page);
  return hash;
}

}  // namespace linnet
