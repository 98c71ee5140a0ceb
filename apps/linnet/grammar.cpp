#include <fmt/format.h>

#include <iostream>

#include "grammar/gbnf.hpp"
#include "grammar/json_schema.hpp"
#include "grammar/matcher.hpp"
#include "grammar/regex.hpp"
#include "linnet/subcommand.hpp"

namespace linnet::app {
namespace {

using grammar::Matcher;
using grammar::PushdownAutomaton;
using Json = grammar::SchemaJson;
using AutomatonPointer = std::shared_ptr<const PushdownAutomaton>;

struct Options {
  std::string gbnf;
  std::string schema;
  std::string regex;
  std::string text;
  bool jsonl = false;
};

Result<AutomatonPointer> compile(Result<grammar::Grammar> rules) {
  if (!rules) return rules.error();
  return PushdownAutomaton::compile(*rules);
}

Result<AutomatonPointer> compile_schema(const Json& schema) {
  auto compiled = grammar::compile_json_schema(schema);
  if (!compiled) return compiled.error();
  for (const std::string& note : compiled->notes) fmt::print(stderr, "linnet: {}\n", note);
  return PushdownAutomaton::compile(compiled->grammar);
}

Result<bool> accepts(const AutomatonPointer& automaton, std::string_view text) {
  auto matcher = Matcher::create(automaton);
  if (!matcher) return matcher.error();
  const bool alive = matcher->advance(text);
  if (const Status status = matcher->within_limits(); !status) return status.error();
  return alive && matcher->complete();
}

Result<bool> answer(const Json& line) {
  if (!line.is_object()) return Error{"the line is not a JSON object"};
  const auto text = line.find("text");
  if (text == line.end() || !text->is_string()) return Error{"text must be a string"};
  const auto source = [&]() -> Result<AutomatonPointer> {
    if (const auto at = line.find("grammar"); at != line.end() && at->is_string()) {
      return compile(grammar::parse_gbnf(at->get_ref<const std::string&>()));
    }
    if (const auto at = line.find("regex"); at != line.end() && at->is_string()) {
      return compile(grammar::compile_regex(at->get_ref<const std::string&>()));
    }
    if (const auto at = line.find("schema"); at != line.end()) return compile_schema(*at);
    return Error{"the line has neither grammar, schema nor regex"};
  }();
  if (!source) return source.error();
  return accepts(*source, text->get_ref<const std::string&>());
}

Status answer_lines() {
  for (std::string line; std::getline(std::cin, line);) {
    auto parsed = grammar::parse_schema_json(line);
    const Result<bool> result = parsed ? answer(*parsed) : Result<bool>(parsed.error());
    const Json out = result ? Json{{"accepts", *result}} : Json{{"error", result.error().message}};
    fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return {};
}

Result<std::string> read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) return Error{path + ": cannot be read"};
  std::string text;
  char buffer[1 << 14];
  for (std::size_t count; (count = std::fread(buffer, 1, sizeof buffer, file)) > 0;) {
    text.append(buffer, count);
  }
  std::fclose(file);
  return text;
}

Result<AutomatonPointer> compile(const Options& options) {
  if (!options.regex.empty()) return compile(grammar::compile_regex(options.regex));
  auto text = read_file(options.gbnf.empty() ? options.schema : options.gbnf);
  if (!text) return text.error();
  if (!options.gbnf.empty()) return compile(grammar::parse_gbnf(*text));
  auto schema = grammar::parse_schema_json(*text);
  if (!schema) return schema.error();
  return compile_schema(*schema);
}

Status run(const Options& options) {
  if (options.jsonl) return answer_lines();
  const int sources = !options.gbnf.empty() + !options.schema.empty() + !options.regex.empty();
  if (sources != 1) return Error{"give one of --gbnf, --schema, --regex, or --jsonl"};
  auto automaton = compile(options);
  if (!automaton) return automaton.error();
  auto result = accepts(*automaton, options.text);
  if (!result) return result.error();
  fmt::print("{} ({} states)\n", *result ? "accepted" : "not accepted",
             (*automaton)->state_count());
  return {};
}

}  // namespace

void add_grammar(CLI::App& parent, int& exit_status) {
  CLI::App* app =
      parent.add_subcommand("grammar", "Check a text against a grammar, schema or expression");
  auto options = std::make_shared<Options>();
  app->add_option("--gbnf", options->gbnf, "file with a grammar in GBNF");
  app->add_option("--schema", options->schema, "file with a JSON schema");
  app->add_option("--regex", options->regex, "regular expression for the whole text");
  app->add_option("text", options->text, "the text");
  app->add_flag("--jsonl", options->jsonl,
                "read objects with grammar, schema or regex, and text, one a line from stdin");
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
