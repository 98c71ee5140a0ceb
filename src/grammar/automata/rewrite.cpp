#include "grammar/automata/rewrite.hpp"

#include <algorithm>
#include <unordered_map>

namespace linnet::grammar {
namespace {

// States of a repetition that is simply copied. Blocks are of about that size: within one, most
// states are far from its end and have the same token mask.
constexpr std::uint64_t kLargestUnrolled = 4096;
constexpr std::uint64_t kSmallestBlock = 8;  // repetitions
constexpr std::uint64_t kLargestBlock = 512;
constexpr std::uint64_t kHuge = 1 << 30;  // sizes are counted up to here

std::uint64_t capped_product(std::uint64_t a, std::uint64_t b) {
  if (a == 0 || b == 0) return 0;
  return a > kHuge / b ? kHuge : a * b;
}

// About how many states an expression takes; shared parts are measured once.
class Sizes {
 public:
  std::uint64_t of(const Expression& expression) {
    const ExpressionNode* node = &expression.node();
    if (const auto known = sizes_.find(node); known != sizes_.end()) return known->second;
    const std::uint64_t size =
        std::min(kHuge, std::visit([&](const auto& kind) { return measure(kind); }, node->kind));
    sizes_.emplace(node, size);
    return size;
  }

 private:
  std::uint64_t measure(const Characters& node) {
    const auto ranges = node.set.ranges();
    return ranges.empty() || ranges.back().last < 0x80 ? 1 : 3 + ranges.size();
  }
  std::uint64_t measure(const Sequence& node) { return sum(node.parts); }
  std::uint64_t measure(const Choice& node) { return sum(node.options); }
  std::uint64_t measure(const Repeat& node) {
    return capped_product(of(node.body) + 1, std::min(node.max.value_or(node.min + 1), kHuge));
  }
  std::uint64_t measure(const Call&) { return 1; }
  std::uint64_t measure(const Tokens&) { return 1; }
  std::uint64_t measure(const Anchor&) { return 1; }
  std::uint64_t measure(const Graph& node) {
    std::uint64_t size = node.nodes.size();
    for (const auto& from : node.nodes) {
      for (const auto& edge : from.edges) size = std::min(kHuge, size + of(edge.label) - 1);
    }
    return size;
  }
  std::uint64_t sum(const std::vector<Expression>& parts) {
    std::uint64_t size = 0;
    for (const Expression& part : parts) size = std::min(kHuge, size + of(part));
    return size;
  }

  std::unordered_map<const ExpressionNode*, std::uint64_t> sizes_;
};

class RepetitionSplitter {
 public:
  explicit RepetitionSplitter(const Grammar& grammar) : grammar_(grammar) {}

  Result<Grammar> run() {
    const std::size_t count = grammar_.rules.size();
    for (std::size_t i = 0; i < count; ++i) {
      grammar_.rules[i].body = rewrite(Expression(grammar_.rules[i].body));
    }
    if (unknown_rule_) return Error{"the grammar calls a rule that it does not have"};
    return std::move(grammar_);
  }

 private:
  Expression rewrite(const Expression& expression) {
    if (const auto known = done_.find(&expression.node()); known != done_.end()) {
      return known->second;
    }
    Expression result =
        std::visit([&](const auto& kind) { return rewritten(kind); }, expression.node().kind);
    alive_.push_back(expression);
    done_.emplace(&expression.node(), result);
    return result;
  }

  template <class Leaf>
  Expression rewritten(const Leaf& leaf) {
    return Expression({leaf});
  }
  Expression rewritten(const Call& node) {
    unknown_rule_ |= node.rule >= grammar_.rules.size();
    return Expression({node});
  }
  Expression rewritten(const Sequence& node) { return sequence(rewrite_all(node.parts)); }
  Expression rewritten(const Choice& node) { return choice(rewrite_all(node.options)); }
  Expression rewritten(const Graph& node) {
    Graph graph = node;
    for (auto& from : graph.nodes) {
      for (auto& edge : from.edges) edge.label = rewrite(Expression(edge.label));
    }
    return Expression({std::move(graph)});
  }
  Expression rewritten(const Repeat& node) {
    const Expression body = rewrite(node.body);
    if (node.max && *node.max < node.min) return nothing();
    const std::uint64_t copies = node.max.value_or(node.min);
    if (capped_product(sizes_.of(body) + 1, copies) <= kLargestUnrolled || copies <= 1) {
      return repeat(body, node.min, node.max);
    }
    Expression first = exactly(body, node.min);
    if (!node.max) return sequence({first, repeat(body, 0, std::nullopt)});
    return sequence({first, at_most(body, *node.max - node.min)});
  }

  std::vector<Expression> rewrite_all(const std::vector<Expression>& parts) {
    std::vector<Expression> result;
    for (const Expression& part : parts) result.push_back(rewrite(part));
    return result;
  }

  std::uint64_t block_size(const Expression& body) {
    return std::clamp(kLargestUnrolled / (sizes_.of(body) + 1), kSmallestBlock, kLargestBlock);
  }

  Expression exactly(const Expression& body, std::uint64_t count) {
    const std::uint64_t block = block_size(body);
    if (count <= block) return repeat(body, count, count);
    return sequence(
        {exactly(block_of(body), count / block), repeat(body, count % block, count % block)});
  }

  // 0 .. count: either fewer blocks than fit and any rest, or all blocks and the rest that is left.
  Expression at_most(const Expression& body, std::uint64_t count) {
    const std::uint64_t size = block_size(body);
    if (count <= size) return repeat(body, 0, count);
    const Expression block = block_of(body);
    const std::uint64_t blocks = count / size;
    return choice({sequence({at_most(block, blocks - 1), repeat(body, 0, size - 1)}),
                   sequence({exactly(block, blocks), repeat(body, 0, count % size)})});
  }

  Expression block_of(const Expression& body) {
    const auto [known, added] = blocks_.try_emplace(&body.node(), 0);
    if (added) {
      known->second = static_cast<std::uint32_t>(grammar_.rules.size());
      grammar_.rules.push_back({"repetition", repeat(body, block_size(body), block_size(body))});
      alive_.push_back(body);
      const Expression result = call(known->second);
      calls_.emplace(known->second, result);
    }
    return calls_.at(known->second);
  }

  Grammar grammar_;
  Sizes sizes_;
  std::unordered_map<const ExpressionNode*, Expression> done_;
  std::unordered_map<const ExpressionNode*, std::uint32_t> blocks_;
  std::unordered_map<std::uint32_t, Expression> calls_;
  std::vector<Expression> alive_;  // the maps' keys are addresses
  bool unknown_rule_ = false;
};

// Calls `visit` with the parts of a node, and how many copies of each of them are certain.
template <class Visit>
void for_each_part(const ExpressionNode& node, const Visit& visit) {
  const auto visit_all = [&](const std::vector<Expression>& parts) {
    for (const Expression& part : parts) visit(part.node(), 1);
  };
  if (const auto* repeated = std::get_if<Repeat>(&node.kind)) {
    visit(repeated->body.node(), repeated->max.value_or(repeated->min) > 1 ? 2 : 1);
  } else if (const auto* sequence = std::get_if<Sequence>(&node.kind)) {
    visit_all(sequence->parts);
  } else if (const auto* choice = std::get_if<Choice>(&node.kind)) {
    visit_all(choice->options);
  } else if (const auto* graph = std::get_if<Graph>(&node.kind)) {
    for (const auto& from : graph->nodes) {
      for (const auto& edge : from.edges) visit(edge.label.node(), 1);
    }
  }
}

// How often an expression calls each rule. Shared parts are looked at once: copies within copies
// double the count again and again.
class CallCounter {
 public:
  struct Calls {
    std::uint32_t rule;
    std::uint64_t count;
  };

  std::vector<Calls> run(const Expression& expression) {
    add(expression.node());
    counts_[&expression.node()] = 1;
    std::vector<Calls> calls;
    for (auto at = order_.rbegin(); at != order_.rend(); ++at) {
      const std::uint64_t count = counts_[*at];
      if (const auto* callee = std::get_if<Call>(&(*at)->kind)) {
        calls.push_back({callee->rule, count});
      }
      for_each_part(**at, [&](const ExpressionNode& part, std::uint64_t copies) {
        counts_[&part] = std::min(kHuge, counts_[&part] + capped_product(count, copies));
      });
    }
    return calls;
  }

 private:
  // Parts before what they are part of.
  void add(const ExpressionNode& node) {
    if (!counts_.try_emplace(&node, 0).second) return;
    for_each_part(node, [&](const ExpressionNode& part, int) { add(part); });
    order_.push_back(&node);
  }

  std::vector<const ExpressionNode*> order_;
  std::unordered_map<const ExpressionNode*, std::uint64_t> counts_;
};

}  // namespace

Result<Grammar> split_repetitions(const Grammar& grammar) {
  return RepetitionSplitter(grammar).run();
}

std::vector<bool> rules_to_inline(const Grammar& grammar) {
  constexpr std::uint64_t kSmall = 6, kLargestInlined = 2000;
  const std::size_t count = grammar.rules.size();
  std::vector<std::vector<CallCounter::Calls>> calls(count);
  std::vector<std::uint64_t> callers(count, 0);
  std::vector<std::uint32_t> waiting(count, 0);
  for (std::size_t rule = 0; rule < count; ++rule) {
    calls[rule] = CallCounter().run(grammar.rules[rule].body);
    for (const auto& callee : calls[rule]) callers[callee.rule] += callee.count;
  }
  // Callees first. What is never reached calls itself, directly or through others.
  std::vector<std::vector<std::uint32_t>> callers_of(count);
  std::vector<std::uint32_t> ready;
  for (std::uint32_t rule = 0; rule < count; ++rule) {
    waiting[rule] = static_cast<std::uint32_t>(calls[rule].size());
    for (const auto& callee : calls[rule]) callers_of[callee.rule].push_back(rule);
    if (waiting[rule] == 0) ready.push_back(rule);
  }
  Sizes sizes;
  std::vector<std::uint64_t> size(count, 0);
  std::vector<int> depth(count, 1);  // with copies within copies: building them is recursive
  std::vector<bool> inlined(count, false);
  while (!ready.empty()) {
    const std::uint32_t rule = ready.back();
    ready.pop_back();
    size[rule] = sizes.of(grammar.rules[rule].body);
    const int own_depth = grammar.rules[rule].body.depth();
    depth[rule] = own_depth;
    for (const auto& callee : calls[rule]) {
      if (!inlined[callee.rule]) continue;
      const std::uint64_t copies = capped_product(callee.count, size[callee.rule]);
      size[rule] = std::min(kHuge, size[rule] + copies);
      depth[rule] = std::max(depth[rule], own_depth + depth[callee.rule]);
    }
    inlined[rule] = rule != grammar.root && depth[rule] <= kDeepestExpression &&
                    (size[rule] <= kSmall || (callers[rule] == 1 && size[rule] <= kLargestInlined));
    for (const std::uint32_t caller : callers_of[rule]) {
      if (--waiting[caller] == 0) ready.push_back(caller);
    }
  }
  return inlined;
}

}  // namespace linnet::grammar
