#include "grammar/mask_classes.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "grammar/automata/hash.hpp"

namespace linnet::grammar {
namespace {

using Numbers = std::vector<std::uint32_t>;

class Refinement {
 public:
  explicit Refinement(const PushdownAutomaton& automaton)
      : automaton_(automaton),
        classes_(automaton.state_count(), 0),
        previous_(automaton.state_count()) {
    for (std::uint32_t state = 0; state < classes_.size(); ++state) {
      for (const auto& edge : automaton.byte_edges(state)) previous_[edge.target].push_back(state);
      for (const auto& call : automaton.calls(state)) previous_[call.back].push_back(state);
    }
  }

  Numbers run(std::uint32_t rounds) {
    sizes_ = {static_cast<std::uint32_t>(classes_.size())};
    Numbers changed(classes_.size());  // in the round before; at first, all
    std::iota(changed.begin(), changed.end(), 0);
    changed = split(changed, [&](std::uint32_t state) {
      const auto& at = automaton_.state(state);
      return Numbers{at.accepting, at.height};
    });
    Numbers all(classes_.size());
    std::iota(all.begin(), all.end(), 0);
    for (std::uint32_t round = 0; round < rounds; ++round) {
      // Only states one step before a change can differ from others of their class now.
      changed = split(round == 0 ? all : states_before(changed),
                      [&](std::uint32_t state) { return signature(state); });
      if (changed.empty()) break;
    }
    return std::move(classes_);
  }

 private:
  Numbers states_before(const Numbers& states) const {
    Numbers result;
    for (const std::uint32_t state : states) {
      result.insert(result.end(), previous_[state].begin(), previous_[state].end());
    }
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
  }

  Numbers signature(std::uint32_t state) const {
    Numbers result;
    for (const auto& edge : automaton_.byte_edges(state)) {
      result.insert(result.end(), {edge.first, edge.last, classes_[edge.target]});
    }
    result.push_back(UINT32_MAX);
    for (const auto& call : automaton_.calls(state)) {
      result.insert(result.end(), {call.rule, classes_[call.back]});
    }
    result.push_back(UINT32_MAX);
    for (const auto& edge : automaton_.token_edges(state)) {
      result.insert(result.end(), {edge.set, edge.target});
    }
    return result;
  }

  // Splits classes by what `sign` says of those of their members that are in `states`; members that
  // are not are known to differ from these. Returns the states whose class has a new number.
  template <class Sign>
  Numbers split(const Numbers& states, Sign&& sign) {
    std::unordered_map<Numbers, Numbers, NumbersHash> groups;  // by class and signature
    for (const std::uint32_t state : states) {
      Numbers key = sign(state);
      key.push_back(classes_[state]);
      groups[std::move(key)].push_back(state);
    }
    Numbers changed;
    for (const auto& [key, members] : groups) {
      const std::uint32_t old = key.back();
      if (members.size() == sizes_[old]) continue;  // the rest of the class may keep its number
      const auto fresh = static_cast<std::uint32_t>(sizes_.size());
      sizes_[old] -= static_cast<std::uint32_t>(members.size());
      sizes_.push_back(static_cast<std::uint32_t>(members.size()));
      changed.insert(changed.end(), members.begin(), members.end());
      pending_.push_back({fresh, &members});
    }
    for (const auto& [fresh, members] : pending_) {
      for (const std::uint32_t state : *members) classes_[state] = fresh;
    }
    pending_.clear();
    return changed;
  }

  struct Renumbered {
    std::uint32_t number;
    const Numbers* members;
  };
  const PushdownAutomaton& automaton_;
  Numbers classes_;
  std::vector<Numbers> previous_;
  Numbers sizes_;  // of the classes
  std::vector<Renumbered> pending_;
};

}  // namespace

std::vector<std::uint32_t> mask_classes(const PushdownAutomaton& automaton, std::uint32_t bytes) {
  return Refinement(automaton).run(bytes);
}

}  // namespace linnet::grammar
