#include "grammar/token_mask.hpp"

#include <algorithm>

#include "grammar/tree_walk.hpp"

namespace linnet::grammar {
namespace {

constexpr std::size_t kMostMaskBytes = 64 << 20;

}  // namespace

void TokenMask::StateMask::add_to(TokenSet& set) const {
  if (tokens.size() > 0) set.insert(tokens);
  for (const std::int32_t id : few) set.insert(id);
}

Result<std::shared_ptr<TokenMask>> TokenMask::create(
    std::shared_ptr<const PushdownAutomaton> automaton,
    std::shared_ptr<const Vocabulary> vocabulary, const MatchLimits& limits) {
  if (!vocabulary->spells_everything()) {
    auto restricted = automaton->restricted_to(vocabulary->single_characters());
    if (!restricted) return restricted.error();
    automaton = std::move(*restricted);
  }
  return std::shared_ptr<TokenMask>(
      new TokenMask(std::move(automaton), std::move(vocabulary), limits));
}

std::size_t TokenMask::walks() const {
  const std::lock_guard lock(mutex_);
  return walks_;
}

std::shared_ptr<const TokenMask::StateMask> TokenMask::of_state(std::uint32_t state) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = masks_.find(state); known != masks_.end()) return known->second;
  }
  auto mask = compute(state);  // maybe twice, if two threads ask at once
  const std::size_t bytes = sizeof(StateMask) + static_cast<std::size_t>(mask->tokens.size()) / 8 +
                            4 * (mask->few.size() + mask->exits.size());
  const std::lock_guard lock(mutex_);
  if (mask_bytes_ + bytes > kMostMaskBytes) {
    masks_.clear();
    mask_bytes_ = 0;
  }
  ++walks_;
  if (masks_.emplace(state, mask).second) mask_bytes_ += bytes;
  return mask;
}

std::shared_ptr<const TokenMask::StateMask> TokenMask::compute(std::uint32_t state) const {
  auto mask = std::make_shared<StateMask>();
  StackNodes nodes;
  TreeWalk walk(*automaton_, *vocabulary_, nodes, limits_);
  Configurations start;
  start.reading.push_back({state, StackNodes::kBottom});
  walk.stepper().reset_reach();
  const bool done = walk.run(0, vocabulary_->node_count(), 0, start,
                             [&](std::uint32_t node, const Configurations& configurations) {
                               const auto tokens = vocabulary_->tokens(node);
                               mask->few.insert(mask->few.end(), tokens.begin(), tokens.end());
                               const bool inner = vocabulary_->subtree_end(node) > node + 1;
                               if (configurations.complete && inner) mask->exits.push_back(node);
                             });
  mask->reach = walk.stepper().reach();
  for (const auto& edge : automaton_->token_edges(state)) {
    mask->reach = std::max(mask->reach, automaton_->state(edge.target).height);
    const Tokens& set = automaton_->token_sets()[edge.set];
    for (std::int32_t id = 0; id < vocabulary_->size(); ++id) {
      if (std::binary_search(set.ids.begin(), set.ids.end(), id) != set.negated) {
        mask->few.push_back(id);
      }
    }
  }
  mask->overflowed = !done || walk.stepper().overflowed();
  // As a list it takes 32 bits a token of the set, otherwise one bit a token of the vocabulary.
  if (mask->few.size() > static_cast<std::size_t>(vocabulary_->size()) / 32) {
    mask->tokens = TokenSet(vocabulary_->size());
    for (const std::int32_t id : mask->few) mask->tokens.insert(id);
    mask->few = {};
  }
  return mask;
}

}  // namespace linnet::grammar
