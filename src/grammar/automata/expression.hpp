#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/token_id.hpp"
#include "grammar/automata/character_set.hpp"

namespace linnet::grammar {

struct ExpressionNode;

/// What a rule stands for: an immutable tree, cheap to copy, whose parts may be shared. Grammars,
/// JSON schemas and regular expressions all become expressions; pushdown_automaton.hpp compiles
/// them.
class Expression {
 public:
  explicit Expression(ExpressionNode node);
  const ExpressionNode& node() const { return *node_; }
  /// Levels of the tree: what walks it is recursive.
  int depth() const { return depth_; }

 private:
  std::shared_ptr<const ExpressionNode> node_;
  int depth_ = 1;
};

/// The deepest tree that is compiled. Parsers refuse texts that would need deeper ones.
inline constexpr int kDeepestExpression = 512;

/// Any one character of a set.
struct Characters {
  CharacterSet set;
};

/// All parts, in order; none: the empty text.
struct Sequence {
  std::vector<Expression> parts;
};

/// Any one option; none: nothing matches.
struct Choice {
  std::vector<Expression> options;
};

/// `body` at least `min` and at most `max` times.
struct Repeat {
  Expression body;
  std::uint64_t min = 0;
  std::optional<std::uint64_t> max;
};

/// What rule number `rule` of the grammar stands for.
struct Call {
  std::uint32_t rule = 0;
};

/// Any one token of a set of vocabulary ids, or any one outside it.
struct Tokens {
  std::vector<TokenId> ids;  ///< sorted
  bool negated = false;
  bool contains(TokenId id) const {
    return std::binary_search(ids.begin(), ids.end(), id) != negated;
  }
  auto operator<=>(const Tokens&) const = default;
};

/// The start or the end of the whole text; only in regular expressions (finite_automaton.hpp).
struct Anchor {
  bool end = false;
};

/// A graph whose edges carry expressions; paths from node 0 to an accepting node match.
struct Graph {
  struct Edge {
    Expression label;
    std::uint32_t target = 0;
  };
  struct Node {
    std::vector<Edge> edges;
    bool accepting = false;
  };
  std::vector<Node> nodes;
};

struct ExpressionNode {
  std::variant<Characters, Sequence, Choice, Repeat, Call, Tokens, Anchor, Graph> kind;
};

// Short ways to make expressions.
Expression characters(CharacterSet set);
Expression literal(std::string_view utf8);  ///< `utf8` must be valid
Expression sequence(std::vector<Expression> parts);
Expression choice(std::vector<Expression> options);
Expression repeat(Expression body, std::uint64_t min, std::optional<std::uint64_t> max);
Expression optional(Expression body);
Expression call(std::uint32_t rule);
Expression nothing();  ///< matches no text at all
Expression empty();    ///< matches the empty text

struct Rule {
  std::string name;
  Expression body = nothing();
};

/// Rules that may call each other; a text belongs to the grammar if it matches the rule `root`.
struct Grammar {
  std::vector<Rule> rules;
  std::uint32_t root = 0;
};

}  // namespace linnet::grammar
