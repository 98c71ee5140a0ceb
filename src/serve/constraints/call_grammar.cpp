#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/utf8.hpp"
#include "chat/output/call_syntax.hpp"
#include "grammar/automata/combine.hpp"
#include "grammar/automata/finite_automaton.hpp"
#include "grammar/schema/json_schema.hpp"
#include "serve/constraints/answer_grammar.hpp"

namespace linnet::serve {
namespace {

using grammar::Expression;
using grammar::Grammar;

const Json* member(const Json& object, std::string_view name) {
  const auto found = object.find(std::string(name));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// Whether a key can stand for itself in calls of this form. Between separators it is a name, in
// tags anything that does not end them.
bool can_be_written(std::string_view key, const CallForm& form) {
  if (form.separator.empty()) {
    return !key.empty() && trimmed(key) == key && key.find_first_of("\r\n\"<>") == key.npos;
  }
  return !key.empty() && std::ranges::all_of(key, is_name_character);
}

std::set<std::string_view> required_names(const Json* parameters) {
  std::set<std::string_view> names;
  const Json* const required = parameters ? member(*parameters, "required") : nullptr;
  if (!required || !required->is_array()) return names;
  for (const Json& name : *required) {
    if (name.is_string()) names.insert(name.get_ref<const std::string&>());
  }
  return names;
}

// Parameters one after the other, some of which may be left out.
class ParameterGraph {
 public:
  explicit ParameterGraph(Expression separator) : separator_(std::move(separator)) {}

  void add(Expression parameter, bool is_required) {
    const std::uint32_t none_yet = last_, some = last_ + 1, next = last_ + 2;
    graph_.nodes.resize(next + 2);
    last_ = next;
    graph_.nodes[none_yet].edges.push_back({parameter, next + 1});
    graph_.nodes[some].edges.push_back({grammar::sequence({separator_, parameter}), next + 1});
    if (is_required) return;
    graph_.nodes[none_yet].edges.push_back({grammar::empty(), next});
    graph_.nodes[some].edges.push_back({grammar::empty(), next + 1});
  }

  Expression take() && {
    graph_.nodes[last_].accepting = graph_.nodes[last_ + 1].accepting = true;
    return Expression({std::move(graph_)});
  }

 private:
  Expression separator_;
  grammar::Graph graph_{{{}, {}}};
  std::uint32_t last_ = 0;  // the node behind all parameters of which none is there; some: + 1
};

// Builds the calls of tools of one request.
class CallGrammar {
 public:
  CallGrammar(const CallForm& form, const MarkerSpelling& markers)
      : form_(form), markers_(markers) {}

  Result<Grammar> run(const Json& tools, const ToolChoice& choice) {
    auto any_call = add_tools(tools, choice);
    if (!any_call) return any_call.error();
    std::vector<Expression> parts = {text(form_.begin), *any_call};
    if (choice.parallel && form_.between) {
      parts.push_back(grammar::repeat(grammar::sequence({text(*form_.between), *any_call}), 0, {}));
    }
    parts.push_back(text(form_.end));
    grammar_.root = static_cast<std::uint32_t>(grammar_.rules.size());
    grammar_.rules.push_back({"calls", grammar::sequence(std::move(parts))});
    return std::move(grammar_);
  }

 private:
  // A rule for a call of any of the tools.
  Result<Expression> add_tools(const Json& tools, const ToolChoice& choice) {
    std::vector<Expression> options;
    for (const Json& tool : tools) {
      const Json& function = tool["function"];
      const auto& name = function["name"].get_ref<const std::string&>();
      const bool is_allowed =
          choice.names.empty() || std::ranges::find(choice.names, name) != choice.names.end();
      if (!is_allowed) continue;
      const Json* const parameters = member(function, "parameters");
      auto arguments =
          form_.has_json_arguments ? add_object(parameters) : parameter_list(parameters);
      if (!arguments) return Error{fmt::format("tool {}: {}", name, arguments.error().message)};
      options.push_back(grammar::sequence(
          {grammar::literal(name), text(form_.middle_behind(name)), std::move(*arguments)}));
    }
    const auto rule = static_cast<std::uint32_t>(grammar_.rules.size());
    grammar_.rules.push_back({"call", grammar::choice(std::move(options))});
    return grammar::call(rule);
  }

  // Arguments are an object, which a schema need not say, and are none where there is no schema.
  Result<Expression> add_object(const Json* parameters) {
    if (!parameters) {
      return add_schema(
          {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}});
    }
    Json schema = parameters->is_object() ? *parameters : Json::object();
    const Json* const type = member(schema, "type");
    const bool allows_objects =
        !type || *type == "object" ||
        (type->is_array() && std::ranges::find(*type, Json("object")) != type->end());
    if (!allows_objects) return Error{"its parameters are no object, which arguments are"};
    schema["type"] = "object";
    return add_schema(schema);
  }

  Result<Expression> add_schema(const Json& schema) {
    // What ends a parameter ends it within a string of its JSON, too.
    const bool is_in_strings = form_.text_end.find('"') == std::string::npos;
    const auto compiled = grammar::compile_json_schema(
        schema, {is_in_strings ? std::string_view(form_.text_end) : std::string_view()});
    if (!compiled) return compiled.error();
    const grammar::AutomatonLimits limits;
    states_ += compiled->states;
    if (states_ > limits.states) return grammar::too_large(limits);
    return grammar::append_grammar(compiled->grammar, grammar_);
  }

  // The properties in the order of the schema, each written for itself.
  Result<Expression> parameter_list(const Json* parameters) {
    const Json* const properties = parameters ? member(*parameters, "properties") : nullptr;
    if (!properties || !properties->is_object()) return grammar::empty();
    const std::set<std::string_view> required = required_names(parameters);
    ParameterGraph graph(form_.separator.empty() ? grammar::empty() : text(form_.separator));
    for (const auto& [key, schema] : properties->items()) {
      auto value = parameter(key, schema, *parameters);
      if (!value) {
        return Error{fmt::format("parameter {}: {}", shortened(key), value.error().message)};
      }
      grammar_.rules.push_back({"parameter", std::move(*value)});
      graph.add(grammar::call(static_cast<std::uint32_t>(grammar_.rules.size() - 1)),
                required.contains(key));
    }
    return std::move(graph).take();
  }

  Result<Expression> parameter(std::string_view key, const Json& schema, const Json& root) {
    if (!can_be_written(key, form_)) {
      return Error{"its name can't be written in this model's calls"};
    }
    auto value = parameter_value(schema, root);
    if (!value) return value.error();
    std::vector<Expression> parts = {text(form_.before_key), grammar::literal(key),
                                     std::move(*value)};
    std::string_view after = form_.after_value;
    if (const std::size_t at = after.find(kKeyPlace); at != std::string_view::npos) {
      parts.push_back(text(after.substr(0, at)));
      parts.push_back(grammar::literal(key));
      after.remove_prefix(at + kKeyPlace.size());
    }
    parts.push_back(text(after));
    return grammar::sequence(std::move(parts));
  }

  // Texts stand as they are, everything else is JSON.
  Result<Expression> parameter_value(const Json& schema, const Json& root) {
    const Json* const type = schema.is_object() ? member(schema, "type") : nullptr;
    if (type && *type == "string" && !form_.text_end.empty()) {
      auto value = text_value(schema);
      if (!value) return value.error();
      return grammar::sequence(
          {text(form_.before_text), std::move(*value), text(form_.after_text)});
    }
    Json whole = schema;
    for (const char* const definitions : {"$defs", "definitions"}) {
      const Json* const shared = member(root, definitions);
      if (shared && whole.is_object()) whole[definitions] = *shared;
    }
    auto value = add_schema(whole);
    if (!value) return value.error();
    return grammar::sequence({text(form_.before_json), std::move(*value)});
  }

  // Nothing in a text says that what ends it is part of it, nor that it only begins like CDATA.
  Result<Expression> text_value(const Json& schema) const {
    const Json* const only = member(schema, "const");
    const Json list = only ? Json::array({*only}) : Json();
    const Json* const values = only ? &list : member(schema, "enum");
    if (!values || !values->is_array()) return free_text();
    std::vector<Expression> options;
    for (const Json& value : *values) {
      if (!value.is_string()) continue;
      const auto& text = value.get_ref<const std::string&>();
      const bool can_be_read =
          text.find(form_.text_end) == std::string::npos && !text.starts_with(kCdata);
      if (can_be_read) options.push_back(grammar::literal(text));
    }
    if (!options.empty()) return grammar::choice(std::move(options));
    return Error{
        fmt::format("expected a value that is a text without {}, found none", form_.text_end)};
  }

  Result<Expression> free_text() const {
    const grammar::AutomatonLimits limits;
    const auto any = grammar::repeat(grammar::characters(grammar::CharacterSet::all()), 0, {});
    const auto whole = grammar::compile_regular(grammar::text_without(form_.text_end));
    const auto cdata = grammar::compile_regular(grammar::sequence({grammar::literal(kCdata), any}));
    if (!whole || !cdata) return grammar::too_large(limits);
    const auto text = grammar::intersect(*whole, grammar::complement(*cdata), limits);
    if (!text) return grammar::too_large(limits);
    return grammar::to_expression(grammar::merge_equal_states(*text), grammar::characters);
  }

  // A text of the form, with free ids.
  Expression text(std::string_view form) const {
    std::vector<Expression> parts;
    while (!form.empty()) {
      const std::size_t id = std::min(form.find(kIdPlace), form.size());
      if (id > 0) parts.push_back(markers_.spelled(form.substr(0, id)));
      if (id < form.size()) parts.push_back(free_id());
      form.remove_prefix(std::min(form.size(), id + kIdPlace.size()));
    }
    return grammar::sequence(std::move(parts));
  }

  static Expression free_id() {
    grammar::CharacterSet set(U'a', U'z');
    set.add(U'A', U'Z');
    set.add(U'0', U'9');
    return grammar::repeat(grammar::characters(std::move(set)), 9, 9);
  }

  const CallForm& form_;
  const MarkerSpelling& markers_;
  Grammar grammar_;
  std::size_t states_ = 0;  // of all schemas together, as each of them counts
};

}  // namespace

std::vector<std::string> call_triggers(const CallForm& form, const Json& tools) {
  const std::string_view begin = form.begin;
  const std::size_t first = begin.find_first_not_of(" \n");
  if (first != begin.npos) {
    const std::string_view text = begin.substr(first);
    const std::size_t end = text.find_first_of(">]", 1);
    return {std::string(text.substr(0, end == text.npos ? text.size() : end + 1))};
  }
  // Calls begin with nothing but what is behind another message.
  std::vector<std::string> triggers;
  if (!form.between) return triggers;
  for (const Json& tool : tools) {
    const auto& name = tool["function"]["name"].get_ref<const std::string&>();
    triggers.push_back(*form.between + name + form.middle_behind(name));
  }
  return triggers;
}

Result<Grammar> make_call_grammar(const CallForm& form, const Json& tools, const ToolChoice& choice,
                                  const MarkerSpelling& markers) {
  return CallGrammar(form, markers).run(tools, choice);
}

}  // namespace linnet::serve
