#include <fmt/format.h>

#include <algorithm>

#include "grammar/automata/expression.hpp"
#include "grammar/schema/schema_compiler.hpp"

namespace linnet::grammar {
namespace {

constexpr std::uint64_t kMostNodes = 50'000;
constexpr std::uint64_t kNoLimit = UINT64_MAX;

// The nodes of an object's graph, numbered row by row: how many properties of the list have been
// decided on, and how many properties have been written, as far as that matters.
class ObjectGraph {
 public:
  ObjectGraph(std::size_t names, std::uint64_t counts) : counts_(counts) {
    graph_.nodes.resize((names + 1) * (counts + 1));
  }
  std::uint32_t node(std::size_t decided, std::uint64_t written) const {
    return static_cast<std::uint32_t>(decided * (counts_ + 1) + std::min(written, counts_));
  }
  std::uint32_t add_node() {
    graph_.nodes.emplace_back();
    return static_cast<std::uint32_t>(graph_.nodes.size() - 1);
  }
  void edge(std::uint32_t from, Expression label, std::uint32_t to) {
    graph_.nodes[from].edges.push_back({std::move(label), to});
  }
  void accept(std::uint32_t node) { graph_.nodes[node].accepting = true; }
  Expression finish() { return Expression({std::move(graph_)}); }

 private:
  std::uint64_t counts_;
  Graph graph_;
};

struct Properties {
  struct Named {
    Expression member;
    bool optional = false;
  };
  std::vector<Named> named{};         // in their order
  std::vector<Expression> further{};  // any of them, after these
  std::uint64_t min = 0, max = kNoLimit;
  std::uint64_t counts = 1;  // how many of those that are written are told apart
};

Expression graph_of(const Properties& properties, const Expression& comma) {
  const auto& [named, further, min, max, counts] = properties;
  ObjectGraph graph(named.size(), counts);
  for (std::size_t i = 0; i < named.size(); ++i) {
    const Expression next = sequence({comma, named[i].member});
    for (std::uint64_t written = 0; written <= counts; ++written) {
      const std::uint32_t from = graph.node(i, written);
      if (named[i].optional) graph.edge(from, empty(), graph.node(i + 1, written));
      if (written == max) continue;
      graph.edge(from, written == 0 ? named[i].member : next, graph.node(i + 1, written + 1));
    }
  }
  const Expression first = choice(further), next = sequence({comma, first});
  for (std::uint64_t written = 0; written <= counts; ++written) {
    const std::uint32_t from = graph.node(named.size(), written);
    if (written >= min) graph.accept(from);
    if (further.empty() || written >= max || written + 1 < min) continue;
    const std::uint32_t to = graph.add_node();
    const auto more = max != kNoLimit ? std::optional(max - written - 1) : std::nullopt;
    graph.edge(from, sequence({written == 0 ? first : next, repeat(next, 0, more)}), to);
    graph.accept(to);
  }
  return graph.finish();
}

}  // namespace

Result<Expression> SchemaCompiler::property(const std::string& name, const ObjectSchemas& schemas) {
  auto values = schemas.schemas_of(name);
  if (!values) return values.error();
  return sequence({string_literal(name), literal(":"), space(), value_of(std::move(*values))});
}

Result<Expression> SchemaCompiler::objects(const Constraints& constraints) {
  auto schemas = ObjectSchemas::create(document_, patterns_, constraints);
  if (!schemas) return schemas.error();
  const auto& names = schemas->names();
  std::uint64_t name_bytes = 0;
  for (const std::string& name : names) name_bytes += name.size();
  if (const Status s = take_states(constraints, name_bytes); !s) return s.error();
  auto further = schemas->further();
  if (!further) return further.error();
  const std::uint64_t min = constraints.min_properties;
  std::uint64_t max = constraints.max_properties.value_or(kNoLimit);
  if (further->empty() && max >= names.size()) max = kNoLimit;
  if (max < min) return nothing();
  const bool anything = names.empty() && further->size() == 1 && !(*further)[0].names &&
                        (*further)[0].schemas.empty();
  if (anything && min == 0 && max == kNoLimit) return any_object();
  // Two further properties may have the same name, so only the first counts for certain.
  const std::uint64_t certain = names.size() + (further->empty() ? 0 : 1);
  if (min > certain) {
    if (further->empty()) return nothing();
    return error(constraints, fmt::format("minProperties {} cannot be held where only {} "
                                          "properties are sure to have different names",
                                          min, certain));
  }
  const std::uint64_t counts = max != kNoLimit ? max : std::max<std::uint64_t>(min, 1);
  const std::uint64_t nodes = (names.size() + 1) * (std::min(counts, kMostNodes) + 1);
  if (nodes > kMostNodes) {
    return error(constraints, "minProperties or maxProperties is too large for so many properties");
  }
  if (const Status s = take_states(constraints, nodes); !s) return s.error();

  Properties properties{.min = min, .max = max, .counts = counts};
  for (const std::string& name : names) {
    auto member = property(name, *schemas);
    if (!member) return member.error();
    const auto& required = constraints.required;
    const bool optional = std::find(required.begin(), required.end(), name) == required.end();
    properties.named.push_back({std::move(*member), optional});
  }
  auto others = further_properties(constraints, *further);
  if (!others) return others.error();
  properties.further = std::move(*others);
  return sequence({literal("{"), space(), graph_of(properties, comma()), space(), literal("}")});
}

Result<std::vector<Expression>> SchemaCompiler::further_properties(
    const Constraints& constraints, const std::vector<ObjectSchemas::Further>& further) {
  std::vector<Expression> kinds;
  for (const auto& kind : further) {
    const std::size_t states = kind.names ? kind.names->states.size() : 0;
    if (const Status s = take_states(constraints, states); !s) return s.error();
    const auto name =
        kind.names ? string_of(constraints, *kind.names) : Result<Expression>(any_string());
    if (!name) return name.error();
    kinds.push_back(sequence({*name, literal(":"), space(), value_of(kind.schemas)}));
  }
  return kinds;
}

}  // namespace linnet::grammar
