#include "serve/engines/generation.hpp"

#include <fmt/format.h>

namespace linnet::serve {

Generation::Generation(const Tokenizer& tokenizer, Options options, ModelMetrics& metrics,
                       std::function<void()> on_news)
    : is_streamed_(options.is_streamed),
      tells_progress_(options.is_streamed && options.tells_progress),
      tells_tokens_(options.tells_tokens),
      metrics_(metrics),
      on_news_(std::move(on_news)),
      text_(tokenizer, std::move(options.text)),
      lines_(options.lines),
      watch_(std::move(options.watch)) {}

double Generation::seconds_since_request() const {
  return std::chrono::duration<double>(Clock::now() - requested_).count();
}

GeneratedText Generation::take(Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  notified_ = false;
  untaken_logprobs_ = 0;
  outcome = outcome_;
  return std::exchange(generated_, {});
}

Outcome Generation::peek() const {
  const std::lock_guard lock(mutex_);
  return outcome_;
}

template <class Change>
void Generation::publish(const std::string& text, bool is_urgent, const Change& change) {
  {
    const std::lock_guard lock(mutex_);
    generated_.text += text;
    hand_prompt_over();
    change(outcome_);
    if (!outcome_.reason && !is_streamed_) return;
    if (std::exchange(notified_, true) && !is_urgent) return;
  }
  if (notices_) notices_->push_back({shared_from_this(), is_urgent});
}

void Generation::start(std::int64_t cached_tokens) {
  const double queue_s = seconds_since_request();
  metrics_.queue_time.observe(queue_s);
  metrics_.cached_tokens += cached_tokens;
  const std::lock_guard lock(mutex_);
  outcome_.started = true;
  outcome_.queue_s = queue_s;
  outcome_.cached_tokens = cached_tokens;
}

void Generation::add_progress(std::int64_t computed_tokens) {
  const double seconds = seconds_since_request();
  publish("", /*is_urgent=*/false, [&](Outcome& outcome) {
    generated_.progress = {computed_tokens, outcome.cached_tokens, seconds - outcome.queue_s};
  });
}

// With what comes first of the text; under the mutex.
void Generation::hand_prompt_over() {
  if (!prompt_logprobs_.empty()) generated_.prompt_logprobs = std::move(prompt_logprobs_);
  prompt_logprobs_.clear();
}

void Generation::add_logprobs(TokenLogprobs logprobs) {
  {
    const std::lock_guard lock(mutex_);
    hand_prompt_over();
    untaken_logprobs_ += 1 + logprobs.top.size();
    generated_.logprobs.push_back(std::move(logprobs));
    if (!is_streamed_ || untaken_logprobs_ <= kMostUntakenLogprobs) return;
  }
  fail(fmt::format("the stream is read too slowly: more than {} log probabilities wait",
                   kMostUntakenLogprobs),
       "slow_reader");
  cancel();
}

void Generation::observe_latency(Clock::time_point now, double seconds) {
  if (pushed_ == 1) {
    first_token_ = now;
    metrics_.time_to_first_token.observe(seconds);
  } else {
    metrics_.inter_token_latency.observe(std::chrono::duration<double>(now - last_token_).count());
  }
  last_token_ = now;
}

// What the limits of lines leave of `text`.
std::string Generation::limited(std::string text, double seconds) {
  std::string left = lines_.push(std::move(text), seconds);
  if (watch_ && !left.empty()) is_over_ |= watch_(left);
  return left;
}

bool Generation::push(TokenId token) {
  ++pushed_;
  ++metrics_.generated_tokens;
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - requested_).count();
  observe_latency(now, seconds);
  const bool is_first = pushed_ == 1;
  const double since_first = std::chrono::duration<double>(now - first_token_).count();
  publish(limited(text_.push(token), since_first), is_first, [&](Outcome& outcome) {
    ++outcome.tokens;
    if (tells_tokens_) generated_.tokens.push_back(token);
    if (is_first) outcome.first_token_s = seconds;
  });
  return !text_.stopped() && !lines_.has_ended() && !is_over_;
}

void Generation::finish(FinishReason reason) {
  const std::string rest = limited(text_.finish(), /*seconds=*/0.0);
  if (text_.stopped() || is_over_) reason = FinishReason::kStop;
  if (lines_.has_ended()) reason = FinishReason::kLength;
  if (reason == FinishReason::kCancelled) ++metrics_.cancelled;
  publish(rest, /*is_urgent=*/true, [&](Outcome& outcome) {
    outcome.reason = reason;
    outcome.stop_string = text_.stopped_by();
    outcome.total_s = seconds_since_request();
  });
}

void Generation::fail(std::string error, std::string_view code) {
  publish("", /*is_urgent=*/true, [&](Outcome& outcome) {
    outcome.reason = FinishReason::kCancelled;
    outcome.error = std::move(error);
    outcome.error_code = code;
    outcome.total_s = seconds_since_request();
  });
}

}  // namespace linnet::serve
