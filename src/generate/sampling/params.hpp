#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/token_id.hpp"
#include "grammar/grammar_session.hpp"

namespace linnet {

struct LogitBias {
  TokenId token = 0;
  float bias = 0.0f;  ///< added to the logit; minus infinity bans the token
};

/// How long a text may think. What it thinks stands between two marks.
struct ThinkingBudget {
  std::int64_t tokens = 0;          ///< drawn between the marks; then the end is drawn
  std::string begin, end;           ///< the marks
  std::vector<TokenId> end_tokens;  ///< of the mark `end`, not empty
  /// What begins a call of a tool, which ends the thinking, too; without white space, wherever that
  /// stands in the text.
  std::vector<std::string> calls{};
  bool starts_inside = false;  ///< the prompt ends behind `begin`
  /// The bytes that a token adds to the text.
  std::function<std::string(TokenId token)> bytes_of;
};

/// A token and those behind it.
struct TokenRun {
  TokenId first = 0;
  std::vector<TokenId> rest;  ///< not empty
  bool operator==(const TokenRun&) const = default;
};

/// Across which nothing counts as repeated.
struct DryBreakers {
  std::vector<TokenId> tokens;  ///< each by itself
  std::vector<TokenRun> runs;
};

/// For texts that fill a gap: see infill.cpp.
struct InfillSampling {
  /// The bytes that a token adds to the text.
  std::function<std::string(TokenId token)> bytes_of;
};

/// What the samplers do; the values here switch each of them off. The order in which they work is
/// that of the table in sampler_chain.cpp.
struct SamplingParams {
  float temperature = 0.0f;  ///< 0: greedy, the lowest id on ties
  std::uint64_t seed = 0;

  float dynamic_range = 0.0f;  ///< temperature +- this, by the entropy of the distribution
  float dynamic_exponent = 1.0f;

  std::int64_t top_k = 0;     ///< draws from this many, the likeliest; 0: from all
  float top_p = 1.0f;         ///< the likeliest that together have this probability
  float min_p = 0.0f;         ///< at least this part of the likeliest one's probability
  float typical_p = 1.0f;     ///< those closest to the expected information, up to this probability
  float top_n_sigma = 0.0f;   ///< keeps logits at most this many deviations below the highest
  float xtc_probability = 0;  ///< how often all but the least likely of those above the
  float xtc_threshold = 0.1f;  ///< threshold are removed

  int mirostat = 0;  ///< 1 or 2: instead of all that cut the distribution
  float mirostat_tau = 5.0f;
  float mirostat_eta = 0.1f;

  float adaptive_target = -1.0f;  ///< probability that is drawn preferably; below 0: off
  float adaptive_decay = 0.9f;    ///< how much what was drawn counts at the next token

  std::int64_t penalty_window = 64;  ///< tokens that the penalties look back; -1: all
  float repeat_penalty = 1.0f;
  float frequency_penalty = 0.0f;
  float presence_penalty = 0.0f;

  float dry_multiplier = 0.0f;
  float dry_base = 1.75f;
  std::int64_t dry_allowed_length = 2;
  std::int64_t dry_window = -1;  ///< tokens that DRY looks back; -1: all
  DryBreakers dry_breakers;

  std::vector<LogitBias> logit_bias;
  std::vector<TokenId> banned_tokens;

  std::int64_t min_tokens = 0;      ///< none of `end_tokens` is drawn before this many
  std::vector<TokenId> end_tokens;  ///< set by the scheduler: the request's stop tokens

  std::optional<ThinkingBudget> thinking;
  std::optional<InfillSampling> infill;

  /// Only what it allows is drawn. A sequence gets its own copy.
  std::optional<grammar::GrammarSession> grammar;
};

}  // namespace linnet
