#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "grammar/automata/pushdown_automaton.hpp"

namespace linnet::grammar {

/// Bounds of matching.
struct MatchLimits {
  std::uint32_t depth = 256;             ///< calls, one in the other
  std::uint32_t configurations = 8'192;  ///< ways to read a text that are followed at once
  std::uint32_t work = 1'000'000;        ///< steps that one byte may take
  /// Steps that finding the tokens which may come next may take. Those of masks of states count
  /// each time, though the masks are kept: what is allowed must not depend on who was here before.
  std::uint64_t mask_work = 50'000'000;
};

/// The stacks of all ways to read a text, sharing what they have in common: a node is a call, with
/// the places where the rule may have been entered from. Nodes are only added at the end, and refer
/// to earlier ones.
class StackNodes {
 public:
  /// `state` is where to go on, on top of `node`, when the call has ended.
  struct Return {
    std::uint32_t state = 0;
    std::uint32_t node = 0;
    auto operator<=>(const Return&) const = default;
  };
  static constexpr std::uint32_t kBottom = 0;         ///< the node of the root rule
  static constexpr std::uint32_t kDone = UINT32_MAX;  ///< the state after the root rule

  StackNodes() { add({{kDone, kBottom}}, 0); }

  std::uint32_t add(std::span<const Return> returns, std::uint32_t depth);
  std::uint32_t add(std::initializer_list<Return> returns, std::uint32_t depth) {
    return add(std::span(returns.begin(), returns.size()), depth);
  }
  std::span<const Return> returns(std::uint32_t node) const {
    return {returns_.data() + nodes_[node].first_return,
            nodes_[node].last_return - nodes_[node].first_return};
  }
  std::uint32_t depth(std::uint32_t node) const { return nodes_[node].depth; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }
  /// Drops the nodes from `size` on.
  void shrink(std::uint32_t size);

 private:
  struct Node {
    std::uint32_t first_return = 0;
    std::uint32_t last_return = 0;
    std::uint32_t depth = 0;
  };
  std::vector<Node> nodes_;
  std::vector<Return> returns_;
};

/// One way to read the text so far: a state in the automaton and the stack of calls around it.
struct Configuration {
  std::uint32_t state = 0;
  std::uint32_t node = 0;
  auto operator<=>(const Configuration&) const = default;
};

/// All ways to read a text so far.
struct Configurations {
  std::vector<Configuration> reading;  ///< those that can read on: no other state matters
  bool complete = false;               ///< the text may end here

  bool dead() const { return reading.empty() && !complete; }
  void clear() { reading.clear(), complete = false; }
};

/// Steps from one set of configurations to the next. Keeps its buffers, so one belongs to one
/// thread.
class Stepper {
 public:
  Stepper(const PushdownAutomaton& automaton, StackNodes& nodes, const MatchLimits& limits)
      : automaton_(automaton), nodes_(nodes), limits_(limits) {}

  /// Before the first byte. An Error if the grammar needs deeper calls than the limits allow.
  Status start(Configurations& out);

  /// After one more byte. `in` and `out` must differ.
  void step(const Configurations& in, std::uint8_t byte, Configurations& out);

  /// Where `entries` have been reached by other means: follows ends of rules and calls.
  void close(std::span<const Configuration> entries, Configurations& out);

  /// Configurations that were looked at so far: a measure of work.
  std::uint64_t work() const { return work_; }
  /// The depth of calls that the configurations seen so far would have needed at most.
  std::uint32_t reach() const { return reach_; }
  /// True if there were too many configurations at once, or a byte took too many steps, and some
  /// were dropped.
  bool overflowed() const { return overflowed_; }

 private:
  struct PendingCall {
    std::uint32_t rank, rule, back, node;
  };
  void add(Configuration configuration);
  void add_calls(Configuration configuration);
  void follow_ends(Configurations& out);
  void enter_rules();
  void enter(std::span<const PendingCall> calls);

  const PushdownAutomaton& automaton_;
  StackNodes& nodes_;
  MatchLimits limits_;
  std::vector<Configuration> members_;
  std::vector<std::uint64_t> known_;  // hash table of members_, used when they are many
  std::vector<PendingCall> calls_, same_rule_;
  std::vector<StackNodes::Return> returns_;
  std::uint64_t work_ = 0;
  std::uint32_t reach_ = 0;
  bool overflowed_ = false;
};

/// Reads a text byte by byte and says whether the grammar has it. Copyable; belongs to one thread.
class Matcher {
 public:
  static Result<Matcher> create(std::shared_ptr<const PushdownAutomaton> automaton,
                                const MatchLimits& limits = {});

  /// False, and from then on, if no text of the grammar begins like this.
  bool advance(std::string_view bytes);
  /// True if the text so far belongs to the grammar.
  bool complete() const { return configurations_.complete; }
  /// An Error if the text was refused only because the limits were too small.
  Status within_limits() const;

 private:
  explicit Matcher(std::shared_ptr<const PushdownAutomaton> automaton, const MatchLimits& limits)
      : automaton_(std::move(automaton)), limits_(limits) {}

  std::shared_ptr<const PushdownAutomaton> automaton_;
  MatchLimits limits_;
  StackNodes nodes_;
  Configurations configurations_;
  bool overflowed_ = false;
};

/// Copies the nodes that `configurations` need to the front of `nodes` and drops the others.
void drop_unused(StackNodes& nodes, Configurations& configurations);

}  // namespace linnet::grammar
