#include "grammar/regex.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "grammar/regex_parser.hpp"

namespace linnet::grammar {
namespace {

Expression anything() { return repeat(characters(CharacterSet::all()), 0, std::nullopt); }

Expression anchor(bool end) { return Expression({Anchor{end}}); }

Error too_large_for(std::string_view pattern, const Error& error) {
  return Error{fmt::format("regular expression {}: {}", pattern, error.message)};
}

// The texts of `body` that every lookahead allows.
Result<FiniteAutomaton> compile(std::string_view pattern, const Expression& body,
                                const Regex& regex, const AutomatonLimits& limits) {
  auto automaton = compile_regular(body, limits);
  if (!automaton) return too_large_for(pattern, automaton.error());
  for (const Lookahead& lookahead : regex.lookaheads) {
    auto ahead = compile_regular(sequence({anchor(false), lookahead.body, anything()}), limits);
    if (!ahead) return too_large_for(pattern, ahead.error());
    auto both = intersect(*automaton, lookahead.negated ? complement(*ahead) : *ahead, limits);
    if (!both) return too_large_for(pattern, too_large(limits));
    automaton = merge_equal_states(*both);
  }
  return automaton;
}

// Without a ^ at the start and a $ at the end, which say nothing if the whole text must match.
Regex without_outer_anchors(Regex regex) {
  const auto* parts = std::get_if<Sequence>(&regex.body.node().kind);
  if (!parts) return regex;
  std::vector<Expression> inner = parts->parts;
  const auto is_anchor = [](const Expression& part, bool end) {
    const auto* anchor = std::get_if<Anchor>(&part.node().kind);
    return anchor && anchor->end == end;
  };
  if (!inner.empty() && is_anchor(inner.front(), false)) inner.erase(inner.begin());
  if (!inner.empty() && is_anchor(inner.back(), true)) inner.pop_back();
  regex.body = sequence(std::move(inner));
  return regex;
}

// Anchors that are left, anywhere in the expression.
bool has_anchors(const Expression& expression) {
  struct Visitor {
    bool operator()(const Anchor&) const { return true; }
    bool operator()(const Sequence& node) const { return any(node.parts); }
    bool operator()(const Choice& node) const { return any(node.options); }
    bool operator()(const Repeat& node) const { return has_anchors(node.body); }
    bool operator()(const Characters&) const { return false; }
    bool operator()(const Call&) const { return false; }
    bool operator()(const Tokens&) const { return false; }
    bool operator()(const Graph&) const { return false; }
    static bool any(const std::vector<Expression>& parts) {
      for (const Expression& part : parts) {
        if (has_anchors(part)) return true;
      }
      return false;
    }
  };
  return std::visit(Visitor{}, expression.node().kind);
}

}  // namespace

Result<Grammar> compile_regex(std::string_view pattern) {
  auto parsed = parse_regex(pattern, /*whole=*/true);
  if (!parsed) return parsed.error();
  const Regex regex = without_outer_anchors(std::move(*parsed));
  if (regex.lookaheads.empty() && !has_anchors(regex.body)) {
    return Grammar{{{"root", regex.body}}, 0};
  }
  auto automaton = compile(pattern, regex.body, regex, {});
  if (!automaton) return automaton.error();
  return Grammar{{{"root", to_expression(*automaton, characters)}}, 0};
}

Result<FiniteAutomaton> compile_whole_pattern(std::string_view pattern,
                                              const AutomatonLimits& limits) {
  auto regex = parse_regex(pattern, /*whole=*/true);
  if (!regex) return regex.error();
  return compile(pattern, regex->body, *regex, limits);
}

Result<FiniteAutomaton> compile_pattern(std::string_view pattern, const AutomatonLimits& limits) {
  auto regex = parse_regex(pattern, /*whole=*/false);
  if (!regex) return regex.error();
  return compile(pattern, sequence({anything(), regex->body, anything()}), *regex, limits);
}

}  // namespace linnet::grammar
