#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/token_id.hpp"

namespace linnet {

/// Natural logarithms of the model's probabilities, before any sampler.
struct TokenLogprobs {
  struct Entry {
    TokenId token = 0;
    double logprob = 0.0;
  };
  Entry chosen;
  std::vector<Entry> top;  ///< the likeliest, in descending order
};

/// The `top` likeliest tokens with their log probabilities; `chosen` is left empty.
TokenLogprobs top_logprobs(std::span<const float> logits, std::int64_t top);
/// The same, with `token` as the one that was chosen; not a number where a logit is none.
TokenLogprobs token_logprobs(std::span<const float> logits, TokenId token, std::int64_t top);

}  // namespace linnet
