#include "grammar/matcher.hpp"

#include <algorithm>

namespace linnet::grammar {
namespace {

constexpr std::size_t kFewMembers = 32;  // up to here a plain search is fastest
constexpr std::uint64_t kFree = UINT64_MAX;

std::uint64_t key_of(Configuration configuration) {
  return std::uint64_t{configuration.state} << 32 | configuration.node;
}

// Puts `key` into an open-addressing table of a power of two of slots; false if it was there.
bool insert(std::vector<std::uint64_t>& table, std::uint64_t key) {
  const std::uint64_t mask = table.size() - 1;
  for (std::uint64_t at = (key * 0x9e3779b97f4a7c15 >> 32) & mask;; at = (at + 1) & mask) {
    if (table[at] == key) return false;
    if (table[at] == kFree) return table[at] = key, true;
  }
}

}  // namespace

std::uint32_t StackNodes::add(std::span<const Return> returns, std::uint32_t depth) {
  const auto first = static_cast<std::uint32_t>(returns_.size());
  returns_.insert(returns_.end(), returns.begin(), returns.end());
  nodes_.push_back({first, static_cast<std::uint32_t>(returns_.size()), depth});
  return size() - 1;
}

void StackNodes::shrink(std::uint32_t size) {
  if (size >= nodes_.size()) return;
  returns_.resize(nodes_[size].first_return);
  nodes_.resize(size);
}

Status Stepper::start(Configurations& out) {
  out.clear();
  if (!automaton_.matches_only_empty()) {
    const std::uint32_t state = automaton_.rule(automaton_.root()).start;
    const std::uint32_t height = automaton_.state(state).height;
    if (height > limits_.depth) {
      return Error{"the shortest text of the grammar nests " + std::to_string(height) +
                   " rules, and only " + std::to_string(limits_.depth) + " are allowed"};
    }
    const Configuration entry{state, StackNodes::kBottom};
    close({&entry, 1}, out);
  }
  out.complete = automaton_.accepts_empty();
  return {};
}

void Stepper::step(const Configurations& in, std::uint8_t byte, Configurations& out) {
  out.clear();
  if (in.reading.size() == 1) {
    const Configuration at = in.reading[0];
    if (automaton_.state(at.state).deterministic) {
      const std::uint32_t next = automaton_.next(at.state, byte);
      ++work_;
      if (next == PushdownAutomaton::kNone) return;
      const auto& target = automaton_.state(next);
      const std::uint32_t reach = nodes_.depth(at.node) + target.height;
      if (target.plain && reach <= limits_.depth) {
        reach_ = std::max(reach_, reach);
        out.reading.push_back({next, at.node});
        return;
      }
    }
  }
  members_.clear();
  known_.clear();
  for (const Configuration at : in.reading) {
    ++work_;
    if (automaton_.state(at.state).deterministic) {
      const std::uint32_t next = automaton_.next(at.state, byte);
      if (next != PushdownAutomaton::kNone) add({next, at.node});
      continue;
    }
    for (const auto& edge : automaton_.byte_edges(at.state)) {
      if (byte >= edge.first && byte <= edge.last) add({edge.target, at.node});
    }
  }
  follow_ends(out);
}

void Stepper::close(std::span<const Configuration> entries, Configurations& out) {
  out.clear();
  members_.clear();
  known_.clear();
  for (const Configuration entry : entries) {
    if (entry.state == StackNodes::kDone) {
      out.complete = true;
    } else {
      add(entry);
    }
  }
  follow_ends(out);
}

// Too deep a configuration is left out; what remains can be completed without it.
void Stepper::add(Configuration configuration) {
  const std::uint32_t reach =
      nodes_.depth(configuration.node) + automaton_.state(configuration.state).height;
  reach_ = std::max(reach_, reach);
  if (reach > limits_.depth) return;
  if (members_.size() < kFewMembers) {
    if (std::find(members_.begin(), members_.end(), configuration) != members_.end()) return;
  } else {
    if (known_.size() < members_.size() * 2) {
      known_.assign(std::max<std::size_t>(known_.size() * 2, kFewMembers * 4), kFree);
      for (const Configuration member : members_) insert(known_, key_of(member));
    }
    if (!insert(known_, key_of(configuration))) return;
  }
  if (members_.size() >= limits_.configurations) {
    overflowed_ = true;
    return;
  }
  members_.push_back(configuration);
}

void Stepper::follow_ends(Configurations& out) {
  calls_.clear();
  const std::uint64_t roof = work_ + limits_.work;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (work_ > roof) {
      overflowed_ = true;
      break;
    }
    const Configuration at = members_[i];
    if (automaton_.state(at.state).accepting) {
      for (const StackNodes::Return back : nodes_.returns(at.node)) {
        ++work_;
        if (back.state == StackNodes::kDone) {
          out.complete = true;
        } else {
          add({back.state, back.node});
        }
      }
    }
    add_calls(at);
  }
  enter_rules();
  work_ += members_.size();
  for (const Configuration at : members_) {
    if (!automaton_.byte_edges(at.state).empty() || !automaton_.token_edges(at.state).empty()) {
      out.reading.push_back(at);
    }
  }
}

void Stepper::add_calls(Configuration configuration) {
  for (const auto& call : automaton_.calls(configuration.state)) {
    calls_.push_back({automaton_.rule(call.rule).rank, call.rule, call.back, configuration.node});
    std::push_heap(calls_.begin(), calls_.end(),
                   [](const PendingCall& a, const PendingCall& b) { return a.rank > b.rank; });
  }
}

// Callers before callees, so that one node holds all places from which a rule is entered here.
void Stepper::enter_rules() {
  const auto later = [](const PendingCall& a, const PendingCall& b) { return a.rank > b.rank; };
  while (!calls_.empty()) {
    same_rule_.clear();
    do {
      std::pop_heap(calls_.begin(), calls_.end(), later);
      same_rule_.push_back(calls_.back());
      calls_.pop_back();
    } while (!calls_.empty() && calls_[0].rule == same_rule_[0].rule);
    enter(same_rule_);
  }
}

void Stepper::enter(std::span<const PendingCall> calls) {
  const std::uint32_t start = automaton_.rule(calls[0].rule).start;
  const std::uint32_t height = automaton_.state(start).height;
  std::uint32_t node = 0, depth = 0;
  const auto fits = [&](std::uint32_t needed) {
    reach_ = std::max(reach_, needed + height);
    return needed + height <= limits_.depth;
  };
  if (calls.size() == 1 && automaton_.state(calls[0].back).tail) {
    // Nothing follows the call: the rule ends where its caller ends.
    node = calls[0].node;
    if (!fits(nodes_.depth(node))) return;
  } else {
    returns_.clear();
    for (const PendingCall& call : calls) {
      const bool tail = automaton_.state(call.back).tail;
      const std::uint32_t needed = nodes_.depth(call.node) + (tail ? 0 : 1);
      const std::uint32_t after = nodes_.depth(call.node) + automaton_.state(call.back).height;
      reach_ = std::max(reach_, after);
      if (!fits(needed) || after > limits_.depth) continue;
      depth = std::max(depth, needed);
      if (tail) {
        const auto inherited = nodes_.returns(call.node);
        returns_.insert(returns_.end(), inherited.begin(), inherited.end());
      } else {
        returns_.push_back({call.back, call.node});
      }
    }
    if (returns_.empty()) return;
    work_ += returns_.size();
    std::sort(returns_.begin(), returns_.end());
    returns_.erase(std::unique(returns_.begin(), returns_.end()), returns_.end());
    node = nodes_.add(returns_, depth);
  }
  const std::size_t before = members_.size();
  add({start, node});
  if (members_.size() > before) add_calls({start, node});
}

Result<Matcher> Matcher::create(std::shared_ptr<const PushdownAutomaton> automaton,
                                const MatchLimits& limits) {
  Matcher matcher(std::move(automaton), limits);
  Stepper stepper(*matcher.automaton_, matcher.nodes_, limits);
  if (const Status status = stepper.start(matcher.configurations_); !status) return status.error();
  return matcher;
}

bool Matcher::advance(std::string_view bytes) {
  constexpr std::uint32_t kManyNodes = 4096;
  Stepper stepper(*automaton_, nodes_, limits_);
  Configurations next;
  std::uint32_t roof = kManyNodes;
  for (const char byte : bytes) {
    stepper.step(configurations_, static_cast<std::uint8_t>(byte), next);
    std::swap(configurations_, next);
    if (configurations_.dead()) break;
    if (nodes_.size() > roof) {
      drop_unused(nodes_, configurations_);
      roof = std::max(kManyNodes, nodes_.size() * 2);
    }
  }
  overflowed_ |= stepper.overflowed();
  return !configurations_.dead();
}

Status Matcher::within_limits() const {
  if (!overflowed_) return {};
  return Error{"the grammar can read the text in too many ways at once"};
}

void drop_unused(StackNodes& nodes, Configurations& configurations) {
  std::vector<bool> used(nodes.size(), false);
  for (const Configuration at : configurations.reading) used[at.node] = true;
  for (std::uint32_t node = nodes.size(); node-- > 0;) {
    if (!used[node]) continue;
    for (const StackNodes::Return back : nodes.returns(node)) used[back.node] = true;
  }
  StackNodes kept;  // has the bottom already
  std::vector<std::uint32_t> numbers(nodes.size(), StackNodes::kBottom);
  std::vector<StackNodes::Return> returns;
  for (std::uint32_t node = 1; node < nodes.size(); ++node) {
    if (!used[node]) continue;
    returns.assign(nodes.returns(node).begin(), nodes.returns(node).end());
    for (StackNodes::Return& back : returns) back.node = numbers[back.node];
    numbers[node] = kept.add(returns, nodes.depth(node));
  }
  for (Configuration& at : configurations.reading) at.node = numbers[at.node];
  nodes = std::move(kept);
}

}  // namespace linnet::grammar
