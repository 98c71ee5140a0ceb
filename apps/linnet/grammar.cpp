#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

#include "chat/json_text.hpp"
#include "grammar/completion.hpp"
#include "grammar/gbnf.hpp"
#include "grammar/grammar_session.hpp"
#include "grammar/matcher.hpp"
#include "grammar/regex.hpp"
#include "grammar/schema/json_schema.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

using grammar::GrammarSession;
using grammar::Matcher;
using grammar::PushdownAutomaton;
using grammar::TokenMask;
using grammar::Vocabulary;
using Json = grammar::SchemaJson;
using AutomatonPointer = std::shared_ptr<const PushdownAutomaton>;

struct Options {
  std::string gbnf;
  std::string schema;
  std::string regex;
  std::string text;
  int sample = 0;
  std::uint64_t seed = 0;
  bool jsonl = false;
};

Result<AutomatonPointer> compile(Result<grammar::Grammar> rules) {
  if (!rules) return rules.error();
  return PushdownAutomaton::compile(*rules);
}

Result<AutomatonPointer> compile_schema(const Json& schema) {
  auto compiled = grammar::compile_json_schema(schema);
  if (!compiled) return compiled.error();
  for (const std::string& text : compiled->notes) note("linnet: {}\n", printable(text));
  return PushdownAutomaton::compile(compiled->grammar);
}

Result<bool> accepts(const AutomatonPointer& automaton, std::string_view text) {
  auto matcher = Matcher::create(automaton);
  if (!matcher) return matcher.error();
  const bool alive = matcher->advance(text);
  if (const Status status = matcher->within_limits(); !status) return status.error();
  return alive && matcher->complete();
}

// Single bytes, and some longer tokens of the kinds that real vocabularies have: words, pieces of
// JSON, parts of characters.
Result<std::shared_ptr<const Vocabulary>> sample_vocabulary() {
  std::vector<std::string> tokens(256);
  for (std::size_t byte = 0; byte < tokens.size(); ++byte) tokens[byte] = static_cast<char>(byte);
  for (const char* text :
       {"\"",       "\":",          "\": ",   "\", \"",      "{\"",          "\"}",
        "\"]",      "},{",          "}, {\"", "]}",          "}]",           "[]",
        "{}",       "\n  ",         "\n",     ", ",          "[\"",          "true",
        "false",    "null",         "tr",     "ue",          "fal",          "se",
        "the",      " a",           "name",   "value",       "id",           "12",
        "000",      "2024",         "-0",     ".5",          "e1",           "http",
        "://",      "www.",         ".com",   "caf\xc3\xa9", "\xe6\x97\xa5", "\xe6\x97",
        "\xa5\xe6", "\xf0\x9f\x98", "\\n",    "\\\"",        "\\u",          "\\u00",
        "ab",       "abc",          "zz"}) {
    tokens.push_back(text);
  }
  const auto end = static_cast<std::int32_t>(tokens.size());
  tokens.push_back("");
  return Vocabulary::create(std::move(tokens), {end});
}

// A text of random allowed tokens. After a while it takes the shortest way to the end, so that it
// does end.
Result<std::string> sample(const AutomatonPointer& automaton, std::uint64_t seed) {
  constexpr int kRandomTokens = 120;
  auto vocabulary = sample_vocabulary();
  if (!vocabulary) return vocabulary.error();
  auto mask = TokenMask::create(automaton, *vocabulary);
  if (!mask) return mask.error();
  auto session = GrammarSession::create(*mask);
  if (!session) return session.error();
  std::mt19937_64 random(seed);
  std::string text;
  const int count = static_cast<int>(random() % kRandomTokens);
  for (int i = 0; i < count && !session->ended(); ++i) {
    std::vector<TokenId> allowed;
    for (TokenId id = 0; id < (*vocabulary)->size(); ++id) {
      if (session->allows(id)) allowed.push_back(id);
    }
    if (allowed.empty()) return Error{"no token is allowed after " + text};
    const TokenId token = allowed[random() % allowed.size()];
    if (const Status status = session->accept(token); !status) return status.error();
    text += (*vocabulary)->bytes(token);
  }
  if (session->ended()) return text;
  const auto rest =
      grammar::Completion(automaton).shortest(session->nodes(), session->configurations());
  if (!rest) return Error{"the text cannot be completed after " + text};
  return text + *rest;
}

Result<AutomatonPointer> compile_line(const Json& line) {
  if (const auto at = line.find("grammar"); at != line.end() && at->is_string()) {
    return compile(grammar::parse_gbnf(at->get_ref<const std::string&>()));
  }
  if (const auto at = line.find("regex"); at != line.end() && at->is_string()) {
    return compile(grammar::compile_regex(at->get_ref<const std::string&>()));
  }
  if (const auto at = line.find("schema"); at != line.end()) return compile_schema(*at);
  return Error{"the line has neither grammar, schema nor regex"};
}

Result<Json> reply_to(const Json& line) {
  if (!line.is_object()) return Error{"the line is not a JSON object"};
  auto automaton = compile_line(line);
  if (!automaton) return automaton.error();
  if (const auto seed = line.find("seed"); seed != line.end() && seed->is_number_unsigned()) {
    auto text = sample(*automaton, seed->get<std::uint64_t>());
    if (!text) return text.error();
    return Json{{"text", *text}};
  }
  const auto text = line.find("text");
  if (text == line.end() || !text->is_string()) return Error{"text must be a string"};
  auto result = accepts(*automaton, text->get_ref<const std::string&>());
  if (!result) return result.error();
  return Json{{"accepts", *result}};
}

Result<std::string> answer(const std::string& line) {
  const auto parsed = grammar::parse_schema_json(line);
  if (!parsed) return parsed.error();
  const Result<Json> reply = reply_to(*parsed);
  if (!reply) return reply.error();
  return json_text(*reply);
}

Result<AutomatonPointer> compile(const Options& options) {
  if (options.gbnf.empty() && options.schema.empty()) {
    return compile(grammar::compile_regex(options.regex));
  }
  auto text =
      options.gbnf.empty() ? file_or_text(options.schema, "{") : file_or_text(options.gbnf, "::=");
  if (!text) return text.error();
  if (!options.gbnf.empty()) return compile(grammar::parse_gbnf(*text));
  auto schema = grammar::parse_schema_json(*text);
  if (!schema) return schema.error();
  return compile_schema(*schema);
}

Status print_samples(const AutomatonPointer& automaton, const Options& options) {
  for (int i = 0; i < options.sample; ++i) {
    auto text = sample(automaton, options.seed + static_cast<std::uint64_t>(i));
    if (!text) return text.error();
    if (Status status = write_output(*text + "\n"); !status) return status;
  }
  return {};
}

// False if the text is not accepted.
Result<bool> run(const Options& options) {
  const auto done = [](const Status& status) {
    return status ? Result<bool>(true) : Result<bool>(status.error());
  };
  if (options.jsonl) return done(answer_lines(answer));
  auto automaton = compile(options);
  if (!automaton) return automaton.error();
  if (options.sample > 0) return done(print_samples(*automaton, options));
  auto fits = accepts(*automaton, options.text);
  if (!fits) return fits.error();
  const Status written = write_output(fmt::format(
      "{} ({} states)\n", *fits ? "accepted" : "not accepted", (*automaton)->state_count()));
  return written ? fits : written.error();
}

}  // namespace

void add_grammar(CLI::App& parent, int& exit_status) {
  CLI::App* app =
      parent.add_subcommand("grammar", "Check a text against a grammar, schema or expression");
  auto options = std::make_shared<Options>();
  const std::array sources = {
      app->add_option("--grammar,--gbnf", options->gbnf, "grammar in GBNF: a file or its text")
          ->type_name("FILE|TEXT"),
      app->add_option("--json-schema,--schema", options->schema, "JSON schema: a file or its text")
          ->type_name("FILE|TEXT"),
      app->add_option("--regex", options->regex, "regular expression for the whole text"),
      app->add_flag("--jsonl", options->jsonl,
                    "read JSON objects with grammar, schema or regex, and text or seed, from "
                    "standard input, one per line"),
  };
  auto* const text = app->add_option("text", options->text, "the text")->excludes("--jsonl");
  auto* const samples =
      app->add_option("--sample", options->sample, "print this many random texts that fit, instead")
          ->check(whole_number_between(1, 1'000'000))
          ->excludes(text)
          ->excludes("--jsonl");
  app->add_option("--seed", options->seed, "seed of the first random text")
      ->check(unsigned_number())
      ->capture_default_str();
  app->footer(
      "The exit status is 0 where the text is accepted, else 1.\n\n"
      "Examples:\n"
      "  linnet grammar --regex '[a-z]+@[a-z]+[.]org' me@example.org\n"
      "  linnet grammar --json-schema user.json '{\"name\": \"Ada\"}'\n"
      "  linnet grammar --json-schema user.json --sample 5");
  app->callback([=, &exit_status] {
    const auto given =
        std::ranges::count_if(sources, [](const auto* one) { return !one->empty(); });
    if (given != 1)
      throw CLI::RequiredError("exactly one of --grammar, --json-schema, --regex, --jsonl");
    if (text->empty() && samples->empty() && !options->jsonl) {
      throw CLI::RequiredError("a text, or --sample,");
    }
    const auto fits = run(*options);
    exit_status = !fits ? report(fits.error()) : *fits ? kDone : kFailed;
  });
}

}  // namespace linnet::app
