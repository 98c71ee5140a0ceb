#include "generate/state_pool.hpp"

namespace linnet {

StatePool::StatePool(std::int64_t slots) {
  for (auto slot = static_cast<std::int32_t>(slots); slot > 0; --slot) free_.push_back(slot - 1);
}

std::optional<std::int32_t> StatePool::take(std::optional<std::int32_t> keep) {
  if (free_.empty()) {
    for (const std::uint64_t hash : by_age_) {
      if (checkpoints_.at(hash).slot == keep && by_age_.size() > 1) continue;
      forget(hash);
      break;
    }
  }
  if (free_.empty()) return std::nullopt;
  const std::int32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

void StatePool::release(std::int32_t slot) { free_.push_back(slot); }

std::optional<std::int32_t> StatePool::find(std::uint64_t hash) {
  const auto found = checkpoints_.find(hash);
  if (found == checkpoints_.end()) return std::nullopt;
  by_age_.splice(by_age_.end(), by_age_, found->second.age);
  return found->second.slot;
}

std::optional<std::int32_t> StatePool::remember(std::uint64_t hash) {
  if (find(hash)) return std::nullopt;
  const auto slot = take();
  if (slot) checkpoints_[hash] = {*slot, by_age_.insert(by_age_.end(), hash)};
  return slot;
}

void StatePool::forget(std::uint64_t hash) {
  const auto found = checkpoints_.find(hash);
  if (found == checkpoints_.end()) return;
  free_.push_back(found->second.slot);
  by_age_.erase(found->second.age);
  checkpoints_.erase(found);
}

}  // namespace linnet
