#include "serve/generation.hpp"

#include <algorithm>

namespace linnet::serve {

Generation::Generation(const Tokenizer& tokenizer, Options options, Metrics& metrics,
                       std::function<void()> notify)
    : tokenizer_(tokenizer),
      options_(std::move(options)),
      metrics_(metrics),
      notify_(std::move(notify)),
      detokenizer_(tokenizer, /*at_start=*/false),
      stops_(options_.stops) {}

double Generation::seconds_since_request() const {
  return std::chrono::duration<double>(Clock::now() - requested_).count();
}

std::string Generation::take(Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  notified_ = false;
  outcome = outcome_;
  return std::exchange(text_, {});
}

void Generation::publish(const std::string& text, const std::function<void(Outcome&)>& change) {
  {
    const std::lock_guard lock(mutex_);
    text_ += text;
    change(outcome_);
    if (std::exchange(notified_, true)) return;
  }
  if (notices_) {
    notices_->push_back(notify_);
  } else {
    notify_();
  }
}

void Generation::start(std::int64_t cached_tokens) {
  const double queue_s = seconds_since_request();
  metrics_.queue_time.observe(queue_s);
  metrics_.cached_tokens += cached_tokens;
  const std::lock_guard lock(mutex_);
  outcome_.queue_s = queue_s;
  outcome_.cached_tokens = cached_tokens;
}

std::string Generation::text_of(TokenId token) {
  const auto& shown = options_.shown_tokens;
  if (!std::binary_search(shown.begin(), shown.end(), token)) return detokenizer_.push(token);
  return detokenizer_.finish() + std::string(tokenizer_.piece(token));
}

bool Generation::push(TokenId token) {
  const auto now = Clock::now();
  const double first_token_s = seconds_since_request();
  const bool is_first = last_token_ == Clock::time_point{};
  if (is_first) {
    metrics_.time_to_first_token.observe(first_token_s);
  } else {
    metrics_.inter_token_latency.observe(std::chrono::duration<double>(now - last_token_).count());
  }
  last_token_ = now;
  ++metrics_.generated_tokens;
  publish(stops_.push(text_of(token)), [&](Outcome& outcome) {
    ++outcome.tokens;
    if (is_first) outcome.first_token_s = first_token_s;
  });
  return !stops_.stopped();
}

void Generation::finish(FinishReason reason) {
  std::string rest;
  if (stops_.stopped()) {
    reason = FinishReason::kStop;
  } else {
    rest = stops_.push(detokenizer_.finish());
    rest += stops_.finish();
  }
  if (reason == FinishReason::kCancelled) ++metrics_.cancelled;
  publish(rest, [&](Outcome& outcome) {
    outcome.reason = reason;
    outcome.total_s = seconds_since_request();
  });
}

void Generation::fail(std::string error) {
  publish("", [&](Outcome& outcome) {
    outcome.reason = FinishReason::kCancelled;
    outcome.error = std::move(error);
    outcome.total_s = seconds_since_request();
  });
}

}  // namespace linnet::serve
