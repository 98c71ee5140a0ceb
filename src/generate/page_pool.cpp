#include "generate/page_pool.hpp"

#include <algorithm>
#include <cassert>

namespace linnet {
namespace {

std::uint64_t hash_of(std::span<const std::int32_t> tokens) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a over the ids
  for (const std::int32_t token : tokens) {
    hash = (hash ^ static_cast<std::uint32_t>(token)) * 0x100000001b3u;
  }
  return hash;
}

}  // namespace

PagePool::PagePool(std::int64_t pages) : entries_(static_cast<std::size_t>(pages)) {
  for (std::int32_t page = 0; page < pages; ++page) {
    entries_[page].idle = idle_.insert(idle_.end(), page);
  }
}

std::int64_t PagePool::free_pages() const { return static_cast<std::int64_t>(idle_.size()); }

std::optional<std::int32_t> PagePool::take() {
  if (idle_.empty()) return std::nullopt;
  const std::int32_t page = idle_.front();
  forget(page);
  hold(page);
  return page;
}

void PagePool::hold(std::int32_t page) {
  Entry& entry = entries_[page];
  if (entry.holders++ == 0) idle_.erase(entry.idle);
}

void PagePool::release(std::int32_t page) {
  Entry& entry = entries_[page];
  assert(entry.holders > 0);
  if (--entry.holders > 0) return;
  // A page that nobody can find again is the first to be taken.
  entry.idle = idle_.insert(entry.hash ? idle_.end() : idle_.begin(), page);
}

void PagePool::forget(std::int32_t page) {
  Entry& entry = entries_[page];
  if (entry.hash) by_hash_.erase(*entry.hash);
  entry.hash.reset();
  entry.tokens.clear();
}

std::vector<std::int32_t> PagePool::find_prefix(std::span<const std::int32_t> tokens) {
  std::vector<std::int32_t> pages;
  for (std::size_t end = kPageTokens; end <= tokens.size(); end += kPageTokens) {
    const auto prefix = tokens.first(end);
    const auto found = by_hash_.find(hash_of(prefix));
    if (found == by_hash_.end()) break;
    if (!std::ranges::equal(entries_[found->second].tokens, prefix)) break;
    pages.push_back(found->second);
  }
  for (const std::int32_t page : pages) hold(page);
  return pages;
}

void PagePool::remember(std::span<const std::int32_t> tokens, std::int32_t page) {
  const std::uint64_t hash = hash_of(tokens);
  Entry& entry = entries_[page];
  if (entry.hash || by_hash_.contains(hash)) return;
  entry.hash = hash;
  entry.tokens.assign(tokens.begin(), tokens.end());
  by_hash_.emplace(hash, page);
}

}  // namespace linnet
