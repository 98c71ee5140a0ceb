#include "grammar/completion.hpp"

#include <algorithm>
#include <queue>

namespace linnet::grammar {
namespace {

constexpr std::uint64_t kNever = UINT64_MAX;

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return a == kNever || b == kNever ? kNever : a + b;
}

}  // namespace

// Knuth's generalisation of Dijkstra's algorithm again (see PushdownAutomaton), for bytes.
Completion::Completion(std::shared_ptr<const PushdownAutomaton> automaton)
    : automaton_(std::move(automaton)), bytes_(automaton_->state_count(), kNever) {
  struct Call {
    std::uint32_t from, start, back;
  };
  const auto count = static_cast<std::uint32_t>(automaton_->state_count());
  std::vector<std::vector<std::uint32_t>> readers(count), by_start(count), by_back(count);
  std::vector<Call> calls;
  using Item = std::pair<std::uint64_t, std::uint32_t>;
  std::priority_queue<Item, std::vector<Item>, std::greater<>> queue;
  for (std::uint32_t state = 0; state < count; ++state) {
    for (const auto& edge : automaton_->byte_edges(state)) readers[edge.target].push_back(state);
    for (const auto& call : automaton_->calls(state)) {
      const auto number = static_cast<std::uint32_t>(calls.size());
      calls.push_back({state, automaton_->rule(call.rule).start, call.back});
      by_start[calls.back().start].push_back(number);
      by_back[call.back].push_back(number);
    }
    if (automaton_->state(state).accepting) queue.push({0, state});
  }
  while (!queue.empty()) {
    const auto [bytes, state] = queue.top();
    queue.pop();
    if (bytes_[state] != kNever) continue;
    bytes_[state] = bytes;
    for (const std::uint32_t from : readers[state]) queue.push({bytes + 1, from});
    for (const auto* list : {&by_start[state], &by_back[state]}) {
      for (const std::uint32_t number : *list) {
        const Call& call = calls[number];
        const std::uint64_t through = sum(bytes_[call.start], bytes_[call.back]);
        if (through != kNever) queue.push({through, call.from});
      }
    }
  }
}

// One of the shortest texts from `state` to the end of its rule.
void Completion::append_rule_end(std::uint32_t state, std::string& out) const {
  std::vector<std::uint32_t> pending = {state};  // the last one is next
  while (!pending.empty()) {
    const std::uint32_t at = pending.back();
    pending.pop_back();
    if (bytes_[at] == 0) continue;
    const auto edges = automaton_->byte_edges(at);
    const auto edge = std::find_if(edges.begin(), edges.end(), [&](const auto& e) {
      return bytes_[e.target] + 1 == bytes_[at];  // kNever + 1 is 0, which bytes_[at] is not
    });
    if (edge != edges.end()) {
      out.push_back(static_cast<char>(edge->first));
      pending.push_back(edge->target);
      continue;
    }
    for (const auto& call : automaton_->calls(at)) {
      const std::uint32_t start = automaton_->rule(call.rule).start;
      if (sum(bytes_[start], bytes_[call.back]) != bytes_[at]) continue;
      pending.push_back(call.back);
      pending.push_back(start);
      break;
    }
  }
}

std::optional<std::string> Completion::shortest(const StackNodes& nodes,
                                                const Configurations& configurations) const {
  if (configurations.complete) return "";
  // From the bottom up: nodes only refer to earlier ones.
  std::vector<std::uint64_t> node_bytes(nodes.size(), kNever);
  std::vector<StackNodes::Return> ways(nodes.size());
  for (std::uint32_t node = 0; node < nodes.size(); ++node) {
    for (const StackNodes::Return back : nodes.returns(node)) {
      const std::uint64_t bytes =
          back.state == StackNodes::kDone ? 0 : sum(bytes_[back.state], node_bytes[back.node]);
      if (bytes >= node_bytes[node]) continue;
      node_bytes[node] = bytes;
      ways[node] = back;
    }
  }
  std::uint64_t best = kNever;
  StackNodes::Return at;
  for (const Configuration one : configurations.reading) {
    const std::uint64_t bytes = sum(bytes_[one.state], node_bytes[one.node]);
    if (bytes < best) best = bytes, at = {one.state, one.node};
  }
  if (best == kNever) return std::nullopt;
  std::string text;
  for (; at.state != StackNodes::kDone; at = ways[at.node]) append_rule_end(at.state, text);
  return text;
}

}  // namespace linnet::grammar
