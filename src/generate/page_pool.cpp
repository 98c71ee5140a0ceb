#include "generate/page_pool.hpp"

#include <algorithm>
#include <cassert>

namespace linnet {
namespace {

// FNV-1a over the ids, going on from `hash`.
std::uint64_t extend(std::uint64_t hash, std::span<const std::int32_t> tokens) {
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

bool PagePool::holds(std::int32_t page, std::uint64_t parent,
                     std::span<const std::int32_t> tokens) const {
  const Entry& entry = entries_[page];
  return entry.parent == parent && std::ranges::equal(entry.tokens, tokens);
}

PagePool::Prefix PagePool::find_prefix(std::span<const std::int32_t> tokens) {
  Prefix prefix;
  for (; tokens.size() >= kPageTokens; tokens = tokens.subspan(kPageTokens)) {
    const auto page_tokens = tokens.first(kPageTokens);
    const std::uint64_t hash = extend(prefix.hash(), page_tokens);
    const auto found = by_hash_.find(hash);
    if (found == by_hash_.end() || !holds(found->second, prefix.hash(), page_tokens)) break;
    prefix.pages.push_back(found->second);
    prefix.hashes.push_back(hash);
  }
  for (const std::int32_t page : prefix.pages) hold(page);
  return prefix;
}

std::uint64_t PagePool::remember(std::uint64_t parent, std::span<const std::int32_t> page_tokens,
                                 std::int32_t page) {
  const std::uint64_t hash = extend(parent, page_tokens);
  Entry& entry = entries_[page];
  if (entry.hash || by_hash_.contains(hash)) return hash;
  entry.hash = hash;
  entry.parent = parent;
  entry.tokens.assign(page_tokens.begin(), page_tokens.end());
  by_hash_.emplace(hash, page);
  return hash;
}

}  // namespace linnet
