#include "generate/step/draw_token.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

Error no_token(const Sequence& sequence) {
  return {fmt::format("the answer can't go on after token {}: {}", sequence.drawn,
                      sequence.request.sampling.grammar
                          ? "its grammar asks for more, but allows no token that is not banned"
                          : "all of them are banned"),
          kNoTokenAllowed};
}

// What it means that nothing could be drawn from `row`.
Result<FinishReason> ending_without_token(const Sequence& sequence, const LogitRow& row) {
  if (std::ranges::any_of(row.logits, [](float logit) { return std::isnan(logit); })) {
    return no_numbers("logits", std::ssize(sequence.tokens));
  }
  if (sequence.chain.is_complete()) return FinishReason::kStop;
  return no_token(sequence);
}

// The log probabilities of the next token, as far as they are known before it is drawn.
class NextLogprobs {
 public:
  // The chain changes the logits later.
  NextLogprobs(const GenerateRequest& request, const LogitRow& row) : request_(request) {
    if (request.top_logprobs < 0 || !request.on_logprobs) return;
    known_ = top_logprobs(row.logits, request.top_logprobs);
    logits_.assign(row.logits.begin(), row.logits.end());
  }

  void report(TokenId token) {
    if (!known_) return;
    known_->chosen = {token, logits_[token] - log_sum_exp(logits_)};
    request_.on_logprobs(*known_);
  }

 private:
  const GenerateRequest& request_;
  std::optional<TokenLogprobs> known_;
  std::vector<float> logits_;
};

}  // namespace

Error no_numbers(std::string_view what, std::int64_t tokens) {
  return Error{fmt::format(
      "the {} of token {} are NaN or infinite: damaged weights, or an overflow", what, tokens)};
}

Status score_prompt_token(Sequence& sequence, const LogitRow& row) {
  const GenerateRequest& request = sequence.request;
  const std::int64_t place = sequence.scored + 1;
  const TokenLogprobs logprobs =
      token_logprobs(row.logits, sequence.tokens[place], request.top_logprobs);
  if (std::isnan(logprobs.chosen.logprob)) return no_numbers("logits", place);
  ++sequence.scored;
  request.on_prompt_logprobs(logprobs);
  return {};
}

std::optional<Result<FinishReason>> draw_token(Sequence& sequence, const LogitRow& row) {
  const GenerateRequest& request = sequence.request;
  NextLogprobs logprobs(request, row);
  const auto token = sequence.chain.draw(row, {sequence.text(), sequence.drawn});
  if (!token) return ending_without_token(sequence, row);
  if (std::ranges::find(request.stop_tokens, *token) != request.stop_tokens.end()) {
    if (request.tells_stop_token) logprobs.report(*token);
    return FinishReason::kStop;
  }
  sequence.add_token(*token);
  ++sequence.drawn;
  logprobs.report(*token);
  if (request.on_token && !request.on_token(*token)) return FinishReason::kCancelled;
  if (sequence.drawn == request.max_tokens) return FinishReason::kLength;
  return std::nullopt;
}

}  // namespace linnet
