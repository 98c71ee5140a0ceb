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
      : vocabulary_(vocabulary), nodes_(nodes), stepper_(automaton, nodes, limits) {}

  /// Visits the nodes [first, last) below depth `depth`, where `start` has been reached, and calls
  /// arrive(node, configurations) for those that can be reached. False if it was given up because
  /// it took too many steps.
  template <class Arrive>
  bool run(std::uint32_t first, std::uint32_t last, std::uint32_t depth,
           const Configurations& start, Arrive&& arrive) {
    const std::uint64_t roof = stepper_.work() + kMostWork;
    const std::uint32_t nodes_before = nodes_.size();
    if (levels_.empty()) levels_.resize(1);
    levels_[0].configurations = start;
    levels_[0].nodes = nodes_before;
    std::uint32_t node = first;
    while (node < last && stepper_.work() < roof) {
      const std::uint32_t height = vocabulary_.depth(node) - depth;  // from 1
      if (levels_.size() <= height) levels_.resize(height + 1);
      nodes_.shrink(levels_[height - 1].nodes);
      Level& level = levels_[height];
      stepper_.step(levels_[height - 1].configurations, vocabulary_.label(node),
                    level.configurations);
      level.nodes = nodes_.size();
      if (!level.configurations.dead()) arrive(node, level.configurations);
      node = level.configurations.reading.empty() ? vocabulary_.subtree_end(node) : node + 1;
    }
    nodes_.shrink(nodes_before);
    return node >= last;
  }

  Stepper& stepper() { return stepper_; }

 private:
  static constexpr std::uint64_t kMostWork = 50'000'000;

  struct Level {
    Configurations configurations;
    std::uint32_t nodes = 0;  // stack nodes in use when they were found
  };
  const Vocabulary& vocabulary_;
  StackNodes& nodes_;
  Stepper stepper_;
  std::vector<Level> levels_;
};

}  // namespace linnet::grammar
