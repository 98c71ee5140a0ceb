#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grammar/automata/pushdown_automaton.hpp"
#include "grammar/matcher.hpp"

namespace linnet::grammar {

/// Finds the shortest way to complete a text, for texts that must end early. Immutable, safe to
/// share between threads.
class Completion {
 public:
  explicit Completion(std::shared_ptr<const PushdownAutomaton> automaton);

  /// The fewest bytes after which the text is complete. Nothing if only tokens that are no text
  /// can complete it.
  std::optional<std::string> shortest(const StackNodes& nodes,
                                      const Configurations& configurations) const;

 private:
  void append_rule_end(std::uint32_t state, std::string& out) const;

  std::shared_ptr<const PushdownAutomaton> automaton_;
  std::vector<std::uint64_t> bytes_;  ///< that each state is away from the end of its rule
};

}  // namespace linnet::grammar
