#include <algorithm>
#include <bit>

#include "grammar/schema/schema_compiler.hpp"

namespace linnet::grammar {
namespace {

constexpr std::size_t kMostDistinct = 10;       // values, whose subsets become states
constexpr std::size_t kMostPlaces = 1'000'000;  // items, each with a schema of each of the schemas

// The schemas of the items of an array: one after the other, then the same for all others.
struct ItemSchemas {
  std::vector<std::vector<SchemaId>> prefix;
  std::vector<SchemaId> rest;
  bool rest_listed = false;  // some schema says what the rest is
};

Result<ItemSchemas> item_schemas(SchemaDocument& document, const Constraints& constraints) {
  ItemSchemas result;
  for (const SchemaId id : constraints.schemas) {
    if (document.negated(id)) continue;
    const SchemaJson& json = document.json(id);
    const auto prefix = json.find("prefixItems"), items = json.find("items");
    if (prefix != json.end()) {
      if (!prefix->is_array()) return document.error(id, "prefixItems must be an array");
      if (prefix->size() > result.prefix.size()) result.prefix.resize(prefix->size());
    }
    if (items != json.end() && items->is_array()) {
      return document.error(id, "items must be one schema; prefixItems takes a list of them");
    }
  }
  if (result.prefix.size() * constraints.schemas.size() > kMostPlaces) {
    return document.error(constraints.schemas[0], "prefixItems is too long for so many schemas");
  }
  for (const SchemaId id : constraints.schemas) {
    if (document.negated(id)) continue;
    const SchemaJson& json = document.json(id);
    const auto prefix = json.find("prefixItems"), items = json.find("items");
    const std::size_t listed = prefix == json.end() ? 0 : prefix->size();
    for (std::size_t i = 0; i < result.prefix.size(); ++i) {
      if (i < listed) {
        result.prefix[i].push_back(
            document.number((*prefix)[i], id, {"prefixItems", std::to_string(i)}));
      } else if (items != json.end()) {
        result.prefix[i].push_back(document.number(*items, id, {"items"}));
      }
    }
    if (items == json.end()) continue;
    result.rest.push_back(document.number(*items, id, {"items"}));
    result.rest_listed = true;
  }
  return result;
}

}  // namespace

Result<Expression> SchemaCompiler::arrays(const Constraints& constraints) {
  const auto items = item_schemas(document_, constraints);
  if (!items) return items.error();
  const std::uint64_t min = constraints.min_items;
  auto max = constraints.max_items;
  const std::size_t prefix = items->prefix.size();
  if (const Status status = take_states(constraints, prefix + 1); !status) return status.error();
  // After a list of items and no word on others there are no others, unless they are needed.
  if (prefix > 0 && !items->rest_listed && min <= prefix)
    max = std::min(max.value_or(prefix), prefix);
  if (max && *max < min) return nothing();
  if (constraints.unique_items && max.value_or(2) > 1) {
    std::vector<std::vector<SchemaId>> places = items->prefix;
    if (!max || *max > prefix) places.push_back(items->rest);
    auto distinct = unique_items(constraints, places, max);
    if (!distinct) return distinct.error();
    if (*distinct) return **distinct;
    notes_.add(
        error(constraints, "uniqueItems is only held for items from at most 10 listed values")
            .message);
  }
  if (prefix == 0 && items->rest.empty() && min == 0 && !max) return any_array();

  // Node i: i items have been written.
  Graph graph;
  const std::size_t listed = max ? std::min<std::uint64_t>(prefix, *max) : prefix;
  graph.nodes.resize(listed + 1);
  for (std::size_t i = 0; i < listed; ++i) {
    const Expression item = value_of(items->prefix[i]);
    graph.nodes[i].accepting = i >= min;
    graph.nodes[i].edges.push_back(
        {i == 0 ? item : sequence({comma(), item}), static_cast<std::uint32_t>(i + 1)});
  }
  graph.nodes[listed].accepting = listed >= min;
  const bool more = !max || *max > listed;
  if (more) {
    const Expression item = value_of(items->rest);
    const Expression next = sequence({comma(), item});
    const std::uint64_t needed = min > listed ? min - listed : 0;
    const auto allowed = max ? std::optional(*max - listed) : std::nullopt;
    Expression rest = repeat(next, needed, allowed);
    if (listed == 0) {  // the first one without a comma
      rest = sequence({item, repeat(next, needed > 0 ? needed - 1 : 0,
                                    allowed ? std::optional(*allowed - 1) : std::nullopt)});
    }
    graph.nodes.push_back({{}, true});
    graph.nodes[listed].edges.push_back({rest, static_cast<std::uint32_t>(listed + 1)});
  }
  return sequence({literal("["), space(), Expression({std::move(graph)}), space(), literal("]")});
}

// The values of schemas that have only a few, or nothing.
Result<std::optional<std::vector<SchemaJson>>> SchemaCompiler::few_values(
    const std::vector<SchemaId>& schemas) {
  using Values = std::optional<std::vector<SchemaJson>>;
  auto expanded = expander_.expand(schemas);
  if (!expanded) return expanded.error();
  std::vector<SchemaJson> result;
  ValueSet known;
  const auto add = [&](const SchemaJson& value) {
    if (known.insert(value)) result.push_back(value);
  };
  for (const Alternative& alternative : *expanded) {
    if (const Status s = expander_.read(alternative.schemas); !s) return s.error();
    const auto constraints = gather(document_, alternative.schemas, notes_);
    if (!constraints) return constraints.error();
    if (constraints->values) {
      const auto values = valid_values(*constraints, alternative);
      if (!values) return values.error();
      for (const SchemaJson* value : *values) add(*value);
    } else if ((generated_types(*constraints) & ~(kNull | kBoolean)) == 0 &&
               alternative.exclusions.empty() && constraints->excluded.empty()) {
      if ((constraints->types & kNull) != 0) add(nullptr);
      if ((constraints->types & kBoolean) != 0) add(true), add(false);
    } else {
      return Values();
    }
    if (result.size() > kMostDistinct) return Values();
  }
  return Values(std::move(result));
}

// An array without equal items, where all of them are from a few values; otherwise nothing.
// places[i] is for item number i, and the last place for all further items.
Result<std::optional<Expression>> SchemaCompiler::unique_items(
    const Constraints& constraints, const std::vector<std::vector<SchemaId>>& places,
    std::optional<std::uint64_t> max) {
  using Found = std::optional<Expression>;
  std::vector<SchemaJson> all;
  std::vector<std::uint32_t> allowed;  // at each place, as a subset of `all`
  for (const auto& schemas : places) {
    auto values = few_values(schemas);
    if (!values) return values.error();
    if (!*values) return Found();
    allowed.push_back(0);
    for (const SchemaJson& value : **values) {
      const auto known = std::find_if(all.begin(), all.end(), [&](const SchemaJson& other) {
        return equal_values(value, other);
      });
      allowed.back() |= 1u << (known - all.begin());
      if (known == all.end()) all.push_back(value);
      if (all.size() > kMostDistinct) return Found();
    }
  }
  const std::uint64_t subsets = std::uint64_t{1} << all.size();
  if (const Status status = take_states(constraints, subsets); !status) return status.error();
  return Found(distinct_items(all, allowed, constraints.min_items, max));
}

// Node s of the graph: the values of the subset s have been written.
Expression SchemaCompiler::distinct_items(const std::vector<SchemaJson>& values,
                                          const std::vector<std::uint32_t>& allowed,
                                          std::uint64_t min, std::optional<std::uint64_t> max) {
  std::vector<Expression> first, next;
  for (const SchemaJson& value : values) {
    first.push_back(json_literal(value));
    next.push_back(sequence({comma(), first.back()}));
  }
  Graph graph;
  graph.nodes.resize(std::size_t{1} << values.size());
  for (std::uint32_t subset = 0; subset < graph.nodes.size(); ++subset) {
    const auto count = static_cast<std::size_t>(std::popcount(subset));
    Graph::Node& node = graph.nodes[subset];
    node.accepting = count >= min && (!max || count <= *max);
    if (max && count >= *max) continue;
    const std::uint32_t here = allowed[std::min(count, allowed.size() - 1)] & ~subset;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if ((here >> i & 1) != 0) {
        node.edges.push_back({subset == 0 ? first[i] : next[i], subset | 1u << i});
      }
    }
  }
  return sequence({literal("["), space(), Expression({std::move(graph)}), space(), literal("]")});
}

}  // namespace linnet::grammar
