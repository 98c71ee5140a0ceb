#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "generate/engine.hpp"
#include "generate/sampling/dry_breakers.hpp"
#include "generate/sampling/params.hpp"
#include "linnet/options/sampling_table.hpp"

namespace linnet::app {

/// An option for each of kSamplingParameters.
struct ParameterOptions {
  void add_to(CLI::App& app, const std::string& group);
  /// Sets what the user asked for.
  void apply(SamplingParams& params) const;

  std::array<std::optional<double>, kSamplingParameters.size()> values;
};

/// The options of how tokens are drawn and where a text ends, which generate and chat share.
struct SamplingOptions {
  /// `temperature`: the default where neither the user nor the model says anything.
  void add_to(CLI::App& app, float temperature);

  /// What the user asked for; elsewhere what the model's metadata recommends, and a seed by chance.
  /// Errors: metadata out
  /// of range, a bias that can't be read, a grammar that is wrong.
  Result<SamplingParams> params(const ModelFile& file) const;

  std::int64_t min_tokens = 0;
  std::vector<std::string> stop;

  bool has_grammar() const { return !grammar_.empty() || !json_schema_.empty() || !regex_.empty(); }

 private:
  Result<grammar::Grammar> parse_rules(const Tokenizer& tokenizer) const;
  Result<grammar::GrammarSession> make_session(const Tokenizer& tokenizer) const;
  Status set_grammar(const Tokenizer& tokenizer, SamplingParams& params) const;

  float default_temperature_ = 0.0f;
  std::string seed_ = "-1";
  ParameterOptions parameters_;
  std::vector<std::string> logit_bias_;
  std::vector<TokenId> banned_tokens_;
  std::vector<std::string> dry_breakers_{kDryBreakers.begin(), kDryBreakers.end()};
  std::string grammar_, json_schema_, regex_;
};

}  // namespace linnet::app
