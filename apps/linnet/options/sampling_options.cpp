#include "linnet/options/sampling_options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "generate/grammar_vocabulary.hpp"
#include "generate/sampling/dry_breakers.hpp"
#include "generate/sampling/model_defaults.hpp"
#include "generate/sampling/random_seed.hpp"
#include "grammar/regex.hpp"
#include "grammar/schema/json_schema.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

// ID=BIAS
Result<LogitBias> parse_bias(const std::string& text) {
  LogitBias bias;
  const char* const end = text.data() + text.size();
  const auto id = std::from_chars(text.data(), end, bias.token);
  if (id.ec == std::errc{} && id.ptr != end && *id.ptr == '=') {
    const auto value = std::from_chars(id.ptr + 1, end, bias.bias);
    const bool is_bias = bias.bias < std::numeric_limits<float>::infinity();  // nor is it NaN
    if (value.ec == std::errc{} && value.ptr == end && is_bias) return bias;
  }
  return Error{fmt::format("{}: expected ID=BIAS, as in 42=-1.5 or 42=-inf", text)};
}

std::string check_bias(const std::string& text) {
  const auto bias = parse_bias(text);
  return bias ? std::string() : bias.error().message;
}

Status check_known(std::string_view option, TokenId token, const Tokenizer& tokenizer) {
  const auto size = static_cast<std::int64_t>(tokenizer.vocabulary_size());
  if (token >= 0 && token < size) return {};
  return Error{fmt::format("{}: token {} is not in the vocabulary of {}", option, token, size)};
}

Result<grammar::Grammar> parse_grammar(const std::string& argument, const Tokenizer& tokenizer) {
  auto text = file_or_text(argument, "::=");
  if (!text) return text.error();
  return grammar::parse_gbnf(*text, gbnf_options(tokenizer));
}

Result<grammar::Grammar> parse_schema(const std::string& argument) {
  auto text = file_or_text(argument, "{");
  if (!text) return text.error();
  auto schema = grammar::parse_schema_json(*text);
  if (!schema) return schema.error();
  auto compiled = grammar::compile_json_schema(*schema);
  if (!compiled) return compiled.error();
  for (const std::string& about : compiled->notes) note("linnet: {}\n", printable(about));
  return std::move(compiled->grammar);
}

}  // namespace

void ParameterOptions::add_to(CLI::App& app, const std::string& group) {
  for (std::size_t i = 0; i < kSamplingParameters.size(); ++i) {
    const SamplingParameter& p = kSamplingParameters[i];
    app.add_option("--" + std::string(p.option), values[i], std::string(p.help))
        ->check(p.is_whole() ? whole_number_between(p.low, p.high) : number_between(p.low, p.high))
        ->group(group);
  }
}

void ParameterOptions::apply(SamplingParams& params) const {
  for (std::size_t i = 0; i < kSamplingParameters.size(); ++i) {
    if (values[i]) assign(kSamplingParameters[i], *values[i], params);
  }
}

void SamplingOptions::add_to(CLI::App& app, float temperature) {
  default_temperature_ = temperature;
  const std::string group = fmt::format(
      "Sampling (default: what the model's file recommends, else temperature {})", temperature);
  parameters_.add_to(app, group);
  app.add_option("--logit-bias", logit_bias_, "ID=BIAS, added to a token's logit; repeatable")
      ->check(check_bias)
      ->group(group)
      ->allow_extra_args(false);
  app.add_option("--ban-token", banned_tokens_, "id of a token that is never drawn; repeatable")
      ->group(group)
      ->allow_extra_args(false);
  app.add_option("--dry-sequence-breaker", dry_breakers_,
                 "text across which DRY sees no repetition; repeatable")
      ->group(group)
      ->allow_extra_args(false);
  app.add_option(
         "--seed", seed_,
         "seed of the draws: the same seed gives the same text; -1 or 4294967295: a random one")
      ->check(or_minus_one(unsigned_number()))
      ->group(group)
      ->capture_default_str();
  app.add_option("--stop", stop, "text at which the answer ends; repeatable")
      ->check(valid_text())
      ->allow_extra_args(false);
  app.add_option("--min-tokens", min_tokens, "fewest tokens before the answer may end")
      ->check(whole_number_between(0, std::int64_t{1} << 30));
  const auto gbnf = app.add_option("--grammar", grammar_,
                                   "GBNF grammar that the answer follows: a file or its text")
                        ->type_name("FILE|TEXT");
  app.add_option("--json-schema", json_schema_,
                 "JSON schema that the answer follows: a file or its text")
      ->type_name("FILE|TEXT")
      ->excludes(gbnf);
  app.add_option("--regex", regex_, "regular expression that the whole answer matches")
      ->excludes(gbnf)
      ->excludes("--json-schema");
}

Result<SamplingParams> SamplingOptions::params(const ModelFile& file) const {
  auto recommended = model_sampling_defaults(file.file());
  if (!recommended) return recommended.error();
  SamplingParams params = std::move(*recommended);
  if (!file.file().find("general.sampling.temp")) params.temperature = default_temperature_;
  parameters_.apply(params);
  params.seed = seed_or_random(static_cast<std::int64_t>(std::stoull(seed_)));  // -1 wraps
  params.banned_tokens = banned_tokens_;
  for (const TokenId token : banned_tokens_) {
    if (Status s = check_known("--ban-token", token, *file.tokenizer()); !s) return s.error();
  }
  for (const std::string& text : logit_bias_) {
    const auto bias = parse_bias(text);
    if (!bias) return bias.error();
    if (Status s = check_known("--logit-bias", bias->token, *file.tokenizer()); !s) {
      return s.error();
    }
    params.logit_bias.push_back(*bias);
  }
  params.dry_breakers = find_breakers(*file.tokenizer(), dry_breakers_);
  if (Status status = set_grammar(*file.tokenizer(), params); !status) return status.error();
  return params;
}

Result<grammar::Grammar> SamplingOptions::parse_rules(const Tokenizer& tokenizer) const {
  if (!grammar_.empty()) return parse_grammar(grammar_, tokenizer);
  return json_schema_.empty() ? grammar::compile_regex(regex_) : parse_schema(json_schema_);
}

Result<grammar::GrammarSession> SamplingOptions::make_session(const Tokenizer& tokenizer) const {
  const auto rules = parse_rules(tokenizer);
  if (!rules) return rules.error();
  auto automaton = grammar::PushdownAutomaton::compile(*rules);
  if (!automaton) return automaton.error();
  auto vocabulary = make_grammar_vocabulary(tokenizer);
  if (!vocabulary) return vocabulary.error();
  auto mask = grammar::TokenMask::create(*automaton, *vocabulary);
  if (!mask) return mask.error();
  return grammar::GrammarSession::create(*mask);
}

Status SamplingOptions::set_grammar(const Tokenizer& tokenizer, SamplingParams& params) const {
  if (!has_grammar()) return {};
  auto session = make_session(tokenizer);
  if (session) {
    params.grammar = std::move(*session);
    return {};
  }
  const char* const option = !grammar_.empty()       ? "--grammar"
                             : !json_schema_.empty() ? "--json-schema"
                                                     : "--regex";
  return Error{fmt::format("{}: {}", option, session.error().message)};
}

}  // namespace linnet::app
