#include "grammar/grammar_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "grammar/automata/tree_walk.hpp"

namespace linnet::grammar {

Result<GrammarSession> GrammarSession::create(std::shared_ptr<TokenMask> mask) {
  GrammarSession session(std::move(mask));
  Stepper stepper(session.mask_->automaton(), session.nodes_, session.mask_->limits());
  if (const Status status = stepper.start(session.configurations_); !status) return status.error();
  session.allowed_ = TokenSet(session.mask_->vocabulary().size());
  return session;
}

const TokenSet& GrammarSession::allowed() {
  if (!allowed_known_) find_allowed();
  allowed_known_ = true;
  return allowed_;
}

void GrammarSession::find_allowed() {
  allowed_.clear();
  if (ended_) return;
  if (configurations_.complete) {
    for (const TokenId id : mask_->vocabulary().end_ids()) allowed_.insert(id);
  }
  std::uint32_t before = PushdownAutomaton::kNone, counted = PushdownAutomaton::kNone;
  work_left_ = mask_->limits().mask_work;
  for (const Configuration at : configurations_.reading) {
    if (overflowed_) return;  // it ends in an error
    const auto mask = mask_->of_state(at.state);
    overflowed_ |= mask->overflowed;
    if (std::exchange(counted, at.state) != at.state) take_work(mask->work);
    // Close to the deepest calls that are possible, what a state allows depends on the depth.
    if (nodes_.depth(at.node) + mask->reach > mask_->limits().depth) {
      walk_exactly(at);
      continue;
    }
    if (at.state != before) mask->add_to(allowed_);
    before = at.state;
    if (!mask->exits.empty()) follow_exits(at, *mask);
  }
}

// Tokens that go on after the end of the rule that `configuration` is in.
void GrammarSession::follow_exits(Configuration configuration, const TokenMask::StateMask& mask) {
  const Vocabulary& vocabulary = mask_->vocabulary();
  TreeWalk walk(mask_->automaton(), vocabulary, nodes_, mask_->limits());
  std::vector<Configuration> backs;
  for (const StackNodes::Return back : nodes_.returns(configuration.node)) {
    backs.push_back({back.state, back.node});
  }
  Configurations outside, next;
  const std::uint32_t nodes_before = nodes_.size();
  walk.stepper().close(backs, outside);
  const auto allow = [&](std::uint32_t node) {
    for (const TokenId id : vocabulary.tokens(node)) allowed_.insert(id);
  };
  for (std::uint32_t byte = 0; byte < 256 && !outside.reading.empty(); ++byte) {
    const auto exits = mask.exits_by(static_cast<std::uint8_t>(byte));
    if (exits.empty()) continue;
    const std::uint32_t nodes_outside = nodes_.size();
    walk.stepper().step(outside, static_cast<std::uint8_t>(byte), next);
    for (std::size_t i = 0; i < exits.size() && !next.dead() && walk.work() < work_left_; ++i) {
      const std::uint32_t exit = exits[i];
      allow(exit);
      const bool done = next.reading.empty() ||
                        walk.run(exit + 1, vocabulary.subtree_end(exit), vocabulary.depth(exit),
                                 next, [&](std::uint32_t node, bool) { allow(node); });
      overflowed_ |= !done;
    }
    nodes_.shrink(nodes_outside);
  }
  overflowed_ |= walk.stepper().overflowed();
  take_work(walk.work());
  nodes_.shrink(nodes_before);
}

void GrammarSession::take_work(std::uint64_t work) {
  overflowed_ |= work >= work_left_;
  work_left_ -= std::min(work, work_left_);
}

void GrammarSession::walk_exactly(Configuration configuration) {
  const Vocabulary& vocabulary = mask_->vocabulary();
  TreeWalk walk(mask_->automaton(), vocabulary, nodes_, mask_->limits());
  Configurations start;
  start.reading.push_back(configuration);
  const bool done = walk.run(0, vocabulary.node_count(), 0, start, [&](std::uint32_t node, bool) {
    for (const TokenId id : vocabulary.tokens(node)) {
      allowed_.insert(id);
    }
  });
  overflowed_ |= !done || walk.stepper().overflowed();
  take_work(walk.work());
  const std::uint32_t depth = nodes_.depth(configuration.node);
  for (const auto& edge : mask_->automaton().token_edges(configuration.state)) {
    if (depth + mask_->automaton().state(edge.target).height > mask_->limits().depth) continue;
    take_work(mask_->add_set(edge.set, allowed_));
    if (overflowed_) return;
  }
}

Configurations GrammarSession::after(TokenId token) {
  const PushdownAutomaton& automaton = mask_->automaton();
  Stepper stepper(automaton, nodes_, mask_->limits());
  std::vector<Configuration> entries;
  for (const Configuration at : configurations_.reading) {
    for (const auto& edge : automaton.token_edges(at.state)) {
      if (mask_->in_set(edge.set, token)) entries.push_back({edge.target, at.node});
    }
  }
  Configurations result, next;
  if (mask_->vocabulary().in_tree(token)) {
    result = configurations_;
    for (const char byte : mask_->vocabulary().bytes(token)) {
      stepper.step(result, static_cast<std::uint8_t>(byte), next);
      std::swap(result, next);
    }
  }
  if (!entries.empty()) {
    stepper.close(entries, next);
    result.complete |= next.complete;
    result.reading.insert(result.reading.end(), next.reading.begin(), next.reading.end());
  }
  auto& reading = result.reading;
  std::sort(reading.begin(), reading.end());
  reading.erase(std::unique(reading.begin(), reading.end()), reading.end());
  overflowed_ |= stepper.overflowed();
  return result;
}

Status GrammarSession::accept(TokenId token) {
  const auto refused = [&] {
    return Error{fmt::format("token {} is not allowed by the grammar here", token)};
  };
  if (ended_ || token < 0 || token >= mask_->vocabulary().size()) return refused();
  const bool ends = mask_->vocabulary().ends_text(token);
  const std::uint32_t nodes_before = nodes_.size();
  Configurations next = after(token);
  if (next.dead()) {
    nodes_.shrink(nodes_before);
    if (!ends || !configurations_.complete) return refused();
    ended_ = true;
    allowed_known_ = false;
    return {};
  }
  allowed_known_ &=
      next.reading == configurations_.reading && next.complete == configurations_.complete;
  configurations_ = std::move(next);
  if (nodes_.size() > most_nodes_) {
    drop_unused(nodes_, configurations_);
    most_nodes_ = std::max(kManyNodes, 2 * nodes_.size());
  }
  return within_limits();
}

Status GrammarSession::within_limits() const {
  if (!overflowed_) return {};
  return Error{"the grammar can read the text in too many ways at once"};
}

}  // namespace linnet::grammar
