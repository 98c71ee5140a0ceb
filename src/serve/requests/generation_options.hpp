#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "serve/engines/generation.hpp"
#include "serve/engines/line_limits.hpp"
#include "serve/requests/json_request.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// What the fields ask for that generating endpoints share.
struct GenerationOptions {
  std::optional<std::int64_t> max_tokens;
  bool takes_all_room = false;  ///< max_tokens is what the context leaves, on request
  /// What is more than the context leaves is what it leaves, instead of an error.
  bool ends_at_context = false;
  std::int64_t min_tokens = 0;
  SamplingParams sampling;
  std::vector<std::string> stops;
  std::int64_t choices = 1;        ///< of each prompt
  std::int64_t top_logprobs = -1;  ///< -1: no logprobs at all
  LineLimits::Options lines;
  /// Makes what ends a choice before its limits do; empty: nothing does.
  std::function<TextWatch()> watch;
  bool ignores_end_tokens = false;
  bool streams = false;
  bool streams_usage = false;
  bool streams_progress = false;  ///< of prompts
  bool streams_timings = false;   ///< with each event
  bool tells_tokens = false;      ///< ids of what is generated
};

/// Most tokens that a request may ask for: more than any context holds.
inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 30;

/// Reads what says how tokens are drawn: `temperature`, `top_p`, `seed`, `logit_bias`, the
/// penalties and the other samplers, by the names in sampling_fields.cpp. Elsewhere it is what the
/// model's makers recommend; without a seed, or with -1, the draws are random.
SamplingParams read_sampling(Fields& fields, const ServedModel& model);

/// Reads how many tokens are generated at most, 0 for none, where the prompt is only computed;
/// nothing: what the context leaves, as -1 and -2 say, too (llama.cpp's and Ollama's).
std::optional<std::int64_t> read_most_tokens(Fields& fields, std::string_view name);

/// The same by any of its names in OpenAI's API and llama.cpp's.
void read_length(Fields& fields, GenerationOptions& options);

/// Reads a string or a list of strings that end the text.
std::vector<std::string> read_stops(Fields& fields, std::string_view name);

/// Reads what all generating endpoints share: `min_tokens`, `ignore_eos`, `n_indent`,
/// `t_max_predict_ms`, `stream`, `return_progress`, `timings_per_token` and how tokens are drawn;
/// refuses what none of them has.
GenerationOptions read_shared_options(Fields& fields, const ServedModel& model);

/// Reads all fields that /v1/completions and /v1/chat/completions share, but for logprobs.
GenerationOptions read_generation_options(Fields& fields, const ServedModel& model);

/// The request of choice number `choice` to the engine, without its callbacks. `max_tokens` is what
/// the context leaves, or options.max_tokens.
GenerateRequest make_generate_request(const ServedModel& model, const GenerationOptions& options,
                                      std::vector<TokenId> prompt, std::int64_t max_tokens,
                                      std::int64_t choice);

}  // namespace linnet::serve
