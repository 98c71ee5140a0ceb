#include "grammar/token_mask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "grammar/automata/tree_walk.hpp"
#include "grammar/mask_classes.hpp"

namespace linnet::grammar {
namespace {

constexpr std::size_t kMostMaskBytes = 64 << 20;

}  // namespace

void TokenMask::StateMask::add_to(TokenSet& set) const {
  if (tokens.size() > 0) set.insert(tokens);
  for (const TokenId id : few) set.insert(id);
}

Result<std::shared_ptr<TokenMask>> TokenMask::create(
    std::shared_ptr<const PushdownAutomaton> automaton,
    std::shared_ptr<const Vocabulary> vocabulary, const MatchLimits& limits) {
  for (const Tokens& set : automaton->token_sets()) {
    for (const TokenId id : set.ids) {
      if (id >= 0 && id < vocabulary->size()) continue;
      return Error{fmt::format("the grammar names token {}, and the vocabulary has {}", id,
                               vocabulary->size())};
    }
  }
  if (!vocabulary->spells_everything()) {
    auto restricted = automaton->restricted_to(vocabulary->single_characters());
    if (!restricted) return restricted.error();
    automaton = std::move(*restricted);
  }
  std::shared_ptr<TokenMask> mask(
      new TokenMask(std::move(automaton), std::move(vocabulary), limits));
  mask->classes_ = mask_classes(*mask->automaton_, mask->vocabulary_->deepest());
  return mask;
}

std::size_t TokenMask::walks() const {
  const std::lock_guard lock(mutex_);
  return walks_;
}

std::shared_ptr<const TokenMask::StateMask> TokenMask::of_state(std::uint32_t state) {
  const std::uint32_t state_class = classes_[state];
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = masks_.find(state_class); known != masks_.end()) return known->second;
  }
  auto mask = compute(state);  // maybe twice, if two threads ask at once
  const std::size_t bytes = sizeof(StateMask) + static_cast<std::size_t>(mask->tokens.size()) / 8 +
                            4 * (mask->few.size() + mask->exits.size() + mask->first_exit.size());
  const std::lock_guard lock(mutex_);
  if (mask_bytes_ + bytes > kMostMaskBytes) {
    masks_.clear();
    mask_bytes_ = 0;
  }
  ++walks_;
  if (masks_.emplace(state_class, mask).second) mask_bytes_ += bytes;
  return mask;
}

std::shared_ptr<const TokenMask::StateMask> TokenMask::compute(std::uint32_t state) const {
  auto mask = std::make_shared<StateMask>();
  StackNodes nodes;
  TreeWalk walk(*automaton_, *vocabulary_, nodes, limits_);
  Configurations start;
  start.reading.push_back({state, StackNodes::kBottom});
  TokenSet tokens(vocabulary_->size());
  const auto arrive = [&](std::uint32_t node, bool ends_rule) {
    for (const TokenId id : vocabulary_->tokens(node)) tokens.insert(id);
    if (!ends_rule) return;
    const std::uint32_t end = vocabulary_->subtree_end(node);
    for (std::uint32_t child = node + 1; child < end; child = vocabulary_->subtree_end(child)) {
      mask->exits.push_back(child);
    }
  };
  const bool done = walk.run(0, vocabulary_->node_count(), 0, start, arrive);
  mask->overflowed = !done || walk.stepper().overflowed();
  mask->work = walk.work();
  mask->reach = walk.reach();
  sort_exits(*mask);
  for (const auto& edge : automaton_->token_edges(state)) {
    mask->reach = std::max(mask->reach, automaton_->state(edge.target).height);
    mask->work += add_set(edge.set, tokens);
    if (mask->work > limits_.mask_work) {
      mask->overflowed = true;
      break;
    }
  }
  // As a list it takes 32 bits a token of the set, otherwise one bit a token of the vocabulary.
  if (tokens.count() > vocabulary_->size() / 32) {
    mask->tokens = std::move(tokens);
  } else {
    for (TokenId id = 0; id < vocabulary_->size(); ++id) {
      if (tokens.contains(id)) mask->few.push_back(id);
    }
  }
  return mask;
}

std::uint64_t TokenMask::add_set(std::uint32_t set, TokenSet& to) const {
  const Tokens& tokens = automaton_->token_sets()[set];
  if (!tokens.negated) {
    for (const TokenId id : tokens.ids) to.insert(id);
    return tokens.ids.size();
  }
  for (TokenId id = 0; id < vocabulary_->size(); ++id) {
    if (in_set(set, id)) to.insert(id);
  }
  return static_cast<std::uint64_t>(vocabulary_->size());
}

void TokenMask::sort_exits(StateMask& mask) const {
  if (mask.exits.empty()) return;
  const auto label = [&](std::uint32_t node) { return vocabulary_->label(node); };
  std::stable_sort(mask.exits.begin(), mask.exits.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return label(a) < label(b); });
  mask.first_exit.assign(257, 0);
  for (const std::uint32_t node : mask.exits) ++mask.first_exit[label(node) + 1u];
  std::partial_sum(mask.first_exit.begin(), mask.first_exit.end(), mask.first_exit.begin());
}

}  // namespace linnet::grammar
