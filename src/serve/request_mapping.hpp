#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serve/generation.hpp"
#include "serve/json_request.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// What the fields that all generating endpoints share ask for.
struct GenerationOptions {
  std::optional<std::int64_t> max_tokens;
  SamplingParams sampling;
  std::vector<std::string> stops;
  std::int64_t choices = 1;
  bool ignores_end_tokens = false;
  bool streams = false;
  bool streams_usage = false;
};

/// Reads `max_tokens` (or `max_completion_tokens`), `temperature`, `seed`, `stop`, `n`, `stream`,
/// `stream_options` and `ignore_eos`. Fields that change the output and that we do not have are
/// errors where they are not at their neutral value. Without a seed, the draws are random.
GenerationOptions read_generation_options(Fields& fields);

/// The request of choice number `choice` to the engine, without its callbacks. `max_tokens` is what
/// the context leaves, or options.max_tokens.
GenerateRequest make_generate_request(const ServedModel& model, const GenerationOptions& options,
                                      std::vector<TokenId> prompt, std::int64_t max_tokens,
                                      std::int64_t choice);

}  // namespace linnet::serve
