#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "grammar/matcher.hpp"
#include "grammar/vocabulary.hpp"

namespace linnet::grammar {

/// Steps along the tree of a vocabulary. Keeps its buffers; belongs to one thread.
class TreeWalk {
 public:
  TreeWalk(const PushdownAutomaton& automaton, const Vocabulary& vocabulary, StackNodes& nodes,
           const MatchLimits& limits)
      : automaton_(automaton),
        vocabulary_(vocabulary),
        nodes_(nodes),
        limits_(limits),
        stepper_(automaton, nodes, limits) {}

  /// Visits the nodes [first, last) below depth `depth`, where `start` has been reached, and calls
  /// arrive(node, complete) for those that can be reached; `complete` as in Configurations. False
  /// if it was given up because it took too many steps.
  template <class Arrive>
  bool run(std::uint32_t first, std::uint32_t last, std::uint32_t depth,
           const Configurations& start, Arrive&& arrive) {
    const std::uint64_t roof = work() + kMostWork;
    const std::uint32_t nodes_before = nodes_.size();
    if (levels_.empty()) levels_.resize(1);
    levels_[0].configurations = start;
    levels_[0].nodes = nodes_before;
    levels_[0].single = false;
    std::uint32_t node = first;
    while (node < last && work() < roof) {
      const std::uint32_t height = vocabulary_.depth(node) - depth;  // from 1
      if (levels_.size() <= height) levels_.resize(height + 1);
      nodes_.shrink(levels_[height - 1].nodes);
      step(levels_[height - 1], vocabulary_.label(node), levels_[height]);
      const Level& level = levels_[height];
      const bool reads_on = level.single || !level.configurations.reading.empty();
      const bool complete = !level.single && level.configurations.complete;
      if (reads_on || complete) arrive(node, complete);
      node = reads_on ? node + 1 : vocabulary_.subtree_end(node);
    }
    nodes_.shrink(nodes_before);
    return node >= last;
  }

  Stepper& stepper() { return stepper_; }
  /// Steps so far, of the walks and of the stepper: a measure of work.
  std::uint64_t work() const { return work_ + stepper_.work(); }
  /// As Stepper::reach, of all steps of this walk.
  std::uint32_t reach() const { return std::max(reach_, stepper_.reach()); }

 private:
  static constexpr std::uint64_t kMostWork = 20'000'000;

  struct Level {
    Configurations configurations;
    std::uint32_t nodes = 0;  // stack nodes in use when they were found
    bool single = false;      // there is just `only`, and configurations is not filled in
    Configuration only;
  };

  void step(Level& from, std::uint8_t byte, Level& to) {
    if (from.single && step_single(from, byte, to)) return;
    if (from.single) {
      from.configurations.clear();
      from.configurations.reading.push_back(from.only);
      from.single = false;
    }
    stepper_.step(from.configurations, byte, to.configurations);
    to.nodes = nodes_.size();
    const auto& reading = to.configurations.reading;
    to.single = reading.size() == 1 && !to.configurations.complete &&
                automaton_.state(reading[0].state).deterministic;
    if (to.single) to.only = reading[0];
  }

  // Most steps are within one rule, from one state to the next. False if it is not that simple.
  bool step_single(const Level& from, std::uint8_t byte, Level& to) {
    ++work_;
    const std::uint32_t next = automaton_.next(from.only.state, byte);
    if (next == PushdownAutomaton::kNone) {
      to.configurations.clear();
      to.single = false;
      to.nodes = from.nodes;
      return true;
    }
    const auto& target = automaton_.state(next);
    const std::uint32_t reach = nodes_.depth(from.only.node) + target.height;
    if (!target.plain || !target.deterministic || reach > limits_.depth) return false;
    reach_ = std::max(reach_, reach);
    to.only = {next, from.only.node};
    to.single = true;
    to.nodes = from.nodes;
    return true;
  }

  const PushdownAutomaton& automaton_;
  const Vocabulary& vocabulary_;
  StackNodes& nodes_;
  MatchLimits limits_;
  Stepper stepper_;
  std::vector<Level> levels_;
  std::uint64_t work_ = 0;
  std::uint32_t reach_ = 0;
};

}  // namespace linnet::grammar
