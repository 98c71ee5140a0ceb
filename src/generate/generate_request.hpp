#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "generate/media/medium.hpp"
#include "generate/sampling/logprobs.hpp"
#include "generate/sampling/params.hpp"

namespace linnet {

enum class FinishReason { kStop, kLength, kCancelled };

/// The code of the Error that ends a text which is not complete, but can't go on: every next token
/// is banned or against its grammar.
inline constexpr std::string_view kNoTokenAllowed = "no_token_allowed";

struct GenerateRequest {
  /// Not empty, ids of the vocabulary or those of `media`, all of one piece together. Of a
  /// model with an input (ModelSpec::input) it is that.
  std::vector<TokenId> prompt;
  /// The pictures and sounds whose ids occur in the prompt.
  Media media;
  /// Must fit the context together with the prompt. 0: nothing is generated; the request ends with
  /// kLength when its prompt is computed.
  std::int64_t max_tokens = 0;
  SamplingParams sampling;
  /// How much of each adapter of the model (ModelFile::adapters()) is added, 1 for all of it and at
  /// most gguf::kLargestStrength in size; empty: what they were opened with.
  std::vector<float> adapter_strengths;
  /// Ends the text when one of these is drawn; it is not part of the output.
  std::vector<TokenId> stop_tokens;
  std::int64_t min_tokens = 0;     ///< no stop token is drawn before this many
  std::int64_t top_logprobs = -1;  ///< -1: on_logprobs is not called
  /// Asked before each step; true ends the request with kCancelled. May be empty.
  std::function<bool()> is_cancelled;
  /// Called once, when the first tokens are about to be computed: how many tokens of the prompt the
  /// cache already held. May be empty.
  std::function<void(std::int64_t cached_tokens)> on_start;
  /// Called before the first token, when more of the prompt is there: how many of its tokens, with
  /// those of the cache. Fewer than before if the text was preempted. May be empty.
  std::function<void(std::int64_t computed_tokens)> on_prompt;
  /// Called with each token of the output; false cancels the request.
  std::function<bool(TokenId token)> on_token;
  /// Called before on_token if `top_logprobs` asks for it. May be empty.
  std::function<void(const TokenLogprobs& logprobs)> on_logprobs;
  /// Whether on_logprobs is told of the stop token that ends the text, too.
  bool tells_stop_token = false;
  /// If it is set, it is called for each token of the prompt but the first, in their order and
  /// before any of the text, with the `top_logprobs` likeliest. So the whole prompt is computed,
  /// whatever the cache holds. For models that check_scores_prompts() accepts, without media.
  std::function<void(const TokenLogprobs& logprobs)> on_prompt_logprobs;
  /// Called once at the end, from step(). A text that is complete under its grammar and can't go on
  /// ends with kStop. An Error says why nothing can be drawn: the logits are NaN, or
  /// no token is allowed (code kNoTokenAllowed).
  std::function<void(const Result<FinishReason>& ending)> on_finish;
  /// If it is set, nothing is generated: it is called with the hidden states (Model::hidden())
  /// of the prompt from `position` on, chunk by chunk, [tokens, width] without gaps; then the
  /// request ends with kStop. A prompt that was preempted begins again at 0.
  std::function<void(std::int64_t position, std::span<const float> states)> on_hidden;
  /// Only the last token's hidden state is of use, so that those of tokens in the cache may be left
  /// out.
  bool last_hidden_only = false;
};

}  // namespace linnet
