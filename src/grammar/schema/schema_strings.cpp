#include "grammar/schema/schema_strings.hpp"

#include <algorithm>
#include <optional>

#include "grammar/utf8.hpp"

namespace linnet::grammar {
namespace {

constexpr std::size_t kLongestCharacter = 4;  // bytes; each takes a state

Expression any_text() { return repeat(characters(CharacterSet::all()), 0, std::nullopt); }

// The length of the longest text, or nothing if there is no limit.
std::optional<std::uint64_t> longest(const FiniteAutomaton& automaton) {
  // Kahn's algorithm: states that are not on a cycle, in an order that the edges follow.
  const std::size_t count = automaton.states.size();
  std::vector<std::size_t> waiting(count, 0);
  std::vector<std::uint64_t> length(count, 0);
  for (const auto& state : automaton.states) {
    for (const auto& edge : state.edges) ++waiting[edge.target];
  }
  std::vector<std::uint32_t> order;
  if (count > 0 && waiting[0] == 0) order.push_back(0);
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& state = automaton.states[order[i]];
    if (state.accepting) result = std::max(result, length[order[i]]);
    for (const auto& edge : state.edges) {
      length[edge.target] = std::max(length[edge.target], length[order[i]] + 1);
      if (--waiting[edge.target] == 0) order.push_back(edge.target);
    }
  }
  if (order.size() < count) return std::nullopt;
  return result;
}

// Any text of the given lengths.
Result<FiniteAutomaton> of_length(std::uint64_t min, std::optional<std::uint64_t> max) {
  constexpr std::uint64_t kLongest = 20'000;
  if (min > kLongest || max.value_or(0) > kLongest) {
    return Error{"a length above " + std::to_string(kLongest) +
                 " together with a pattern, a format or values that are not allowed is not "
                 "supported"};
  }
  return compile_regular(repeat(characters(CharacterSet::all()), min, max));
}

Result<FiniteAutomaton> any_of(const std::vector<std::string>& texts) {
  constexpr AutomatonLimits kLimits;
  std::vector<Expression> options;
  std::size_t bytes = 0;
  for (const std::string& text : texts) {
    bytes += text.size();
    if (bytes > kLimits.states * kLongestCharacter) return too_large(kLimits);
    if (to_characters(text)) options.push_back(literal(text));
  }
  return compile_regular(choice(std::move(options)));
}

}  // namespace

Result<FiniteAutomaton> string_contents(const Constraints& constraints, SchemaPatterns& patterns,
                                        const std::vector<std::string>& excluded) {
  const AutomatonLimits limits;
  auto result = compile_regular((constraints.types & kString) != 0 ? any_text() : nothing());
  if (!result) return result.error();
  const auto restrict_to = [&](const FiniteAutomaton& other) -> Status {
    auto both = intersect(*result, other, limits);
    if (!both) return too_large(limits);
    result = merge_equal_states(*both);
    return patterns.budget().count(*both);
  };
  for (const std::string& text : constraints.patterns) {
    auto automaton = patterns.pattern(text);
    if (!automaton) return automaton.error();
    if (const Status status = restrict_to(**automaton); !status) return status.error();
  }
  for (const std::string& text : constraints.excluded_patterns) {
    auto automaton = patterns.pattern(text);
    if (!automaton) return automaton.error();
    if (const Status status = restrict_to(complement(**automaton)); !status) return status.error();
  }
  for (const std::string& name : constraints.formats) {
    auto automaton = patterns.format(name);
    if (!automaton) return automaton.error();
    if (!*automaton) continue;
    if (const Status status = restrict_to(**automaton); !status) return status.error();
  }
  if (constraints.values) {
    std::vector<std::string> texts;
    for (const SchemaJson* value : *constraints.values) {
      if (value->is_string()) texts.push_back(value->get<std::string>());
    }
    auto listed = any_of(texts);
    if (!listed) return listed.error();
    if (const Status status = restrict_to(*listed); !status) return status.error();
  }
  if (!excluded.empty()) {
    auto listed = any_of(excluded);
    if (!listed) return listed.error();
    if (const Status status = restrict_to(complement(*listed)); !status) return status.error();
  }
  auto max = constraints.max_length;
  if (const auto limit = longest(*result); max && limit && *limit <= *max) max.reset();
  if (constraints.min_length > 0 || max) {
    auto length = of_length(constraints.min_length, max);
    if (!length) return length.error();
    if (const Status status = restrict_to(*length); !status) return status.error();
  }
  return result;
}

}  // namespace linnet::grammar
