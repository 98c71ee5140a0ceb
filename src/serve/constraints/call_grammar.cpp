#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.hpp"
#include "grammar/combine.hpp"
#include "grammar/json_schema.hpp"
#include "serve/constraints/answer_grammar.hpp"

namespace linnet::serve {
namespace {

using grammar::Expression;
using grammar::Grammar;

const Json* member(const Json& object, std::string_view name) {
  const auto found = object.find(std::string(name));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

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
      options.push_back(
          grammar::sequence({grammar::literal(name), text(form_.middle), std::move(*arguments)}));
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
    const auto compiled = grammar::compile_json_schema(schema);
    if (!compiled) return compiled.error();
    const grammar::AutomatonLimits limits;
    states_ += compiled->states;
    if (states_ > limits.states) return grammar::too_large(limits);
    return grammar::append_grammar(compiled->grammar, grammar_);
  }

  // The properties in the order of the schema, each written for itself.
  Result<Expression> parameter_list(const Json* parameters) {
    std::vector<Expression> parts;
    const Json* const properties = parameters ? member(*parameters, "properties") : nullptr;
    const Json* const required = parameters ? member(*parameters, "required") : nullptr;
    if (!properties || !properties->is_object()) return grammar::empty();
    for (const auto& [key, schema] : properties->items()) {
      auto value = parameter_value(schema, *parameters);
      if (!value) {
        return Error{fmt::format("parameter {}: {}", shortened(key), value.error().message)};
      }
      Expression part = grammar::sequence({text(form_.before_key), grammar::literal(key),
                                           std::move(*value), text(form_.after_value)});
      const bool is_required = required && required->is_array() &&
                               std::ranges::find(*required, Json(key)) != required->end();
      parts.push_back(is_required ? part : grammar::optional(part));
    }
    return grammar::sequence(std::move(parts));
  }

  // Texts stand as they are, everything else is JSON.
  Result<Expression> parameter_value(const Json& schema, const Json& root) {
    const Json* const type = schema.is_object() ? member(schema, "type") : nullptr;
    if (type && *type == "string") {
      return grammar::sequence({text(form_.before_text), text_value(schema)});
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

  Expression text_value(const Json& schema) const {
    const Json* const values = member(schema, "enum");
    if (!values || !values->is_array()) return markers_.without(form_.text_end);
    std::vector<Expression> options;
    for (const Json& value : *values) {
      if (value.is_string()) options.push_back(grammar::literal(value.get<std::string>()));
    }
    return grammar::choice(std::move(options));
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

std::string_view call_trigger(const CallForm& form) {
  const std::string_view begin = form.begin;
  const std::size_t first = begin.find_first_not_of(" \n");
  const std::string_view text = begin.substr(std::min(first, begin.size()));
  const std::size_t end = text.find_first_of(">]");
  return text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
}

Result<Grammar> make_call_grammar(const CallForm& form, const Json& tools, const ToolChoice& choice,
                                  const MarkerSpelling& markers) {
  return CallGrammar(form, markers).run(tools, choice);
}

}  // namespace linnet::serve
