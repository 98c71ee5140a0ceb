#include "generate/cache/state_pool.hpp"

#include <algorithm>

namespace linnet {

StatePool::StatePool(std::int64_t slots) {
  free_.reserve(static_cast<std::size_t>(slots));
  checkpoints_.reserve(static_cast<std::size_t>(slots));
  for (auto slot = static_cast<std::int32_t>(slots); slot > 0; --slot) free_.push_back(slot - 1);
}

std::optional<std::int32_t> StatePool::take(std::optional<std::int32_t> keep) noexcept {
  if (free_.empty() && !checkpoints_.empty()) {
    auto oldest = checkpoints_.begin();
    if (oldest->slot == keep && checkpoints_.size() > 1) ++oldest;
    give_away(oldest);
  }
  if (free_.empty()) return std::nullopt;
  const std::int32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

void StatePool::release(std::int32_t slot) noexcept { free_.push_back(slot); }

void StatePool::release_as_checkpoint(const Checkpoint& checkpoint) noexcept {
  const auto known = find_hash(checkpoint.hash);
  if (known != checkpoints_.end()) give_away(known);
  checkpoints_.push_back(checkpoint);
}

std::vector<StatePool::Checkpoint> StatePool::find(std::span<const TokenId> tokens,
                                                   std::uint64_t root) const {
  std::vector<Checkpoint> found(checkpoints_.begin(), checkpoints_.end());
  std::ranges::sort(found, {}, &Checkpoint::tokens);
  std::uint64_t hash = root;
  std::int64_t hashed = 0;
  std::erase_if(found, [&](const Checkpoint& checkpoint) {
    if (checkpoint.tokens > std::ssize(tokens)) return true;
    hash = extend_prefix_hash(hash, tokens.subspan(hashed, checkpoint.tokens - hashed));
    hashed = checkpoint.tokens;
    return hash != checkpoint.hash;
  });
  return found;
}

std::optional<StatePool::Checkpoint> StatePool::find_longest(std::span<const TokenId> tokens,
                                                             std::uint64_t root) {
  const auto found = find(tokens, root);
  if (found.empty()) return std::nullopt;
  use(find_hash(found.back().hash));
  return found.back();
}

std::optional<std::int32_t> StatePool::remember(std::int64_t tokens, std::uint64_t hash) noexcept {
  const auto known = find_hash(hash);
  if (known != checkpoints_.end()) {
    use(known);
    return std::nullopt;
  }
  const auto slot = take();
  if (slot) checkpoints_.push_back({*slot, tokens, hash});
  return slot;
}

void StatePool::forget(std::uint64_t hash) noexcept {
  const auto known = find_hash(hash);
  if (known != checkpoints_.end()) give_away(known);
}

StatePool::Iterator StatePool::find_hash(std::uint64_t hash) noexcept {
  return std::ranges::find(checkpoints_, hash, &Checkpoint::hash);
}

// From now on the most recently used.
void StatePool::use(Iterator checkpoint) noexcept {
  std::rotate(checkpoint, checkpoint + 1, checkpoints_.end());
}

void StatePool::give_away(Iterator checkpoint) noexcept {
  free_.push_back(checkpoint->slot);
  checkpoints_.erase(checkpoint);
}

}  // namespace linnet
