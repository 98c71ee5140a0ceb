#include "serve/pending_answer.hpp"

#include <algorithm>

namespace linnet::serve {

PendingAnswer::PendingAnswer(std::vector<std::shared_ptr<Generation>> choices,
                             std::unique_ptr<AnswerFormat> format, std::int64_t prompt_tokens,
                             bool streams)
    : format_(std::move(format)), prompt_tokens_(prompt_tokens), streams_(streams) {
  for (auto& generation : choices) choices_.push_back({std::move(generation), {}, false});
}

PendingAnswer::~PendingAnswer() {
  for (const Choice& choice : choices_) choice.generation->cancel();
}

std::string PendingAnswer::take_events() {
  std::string events;
  if (!std::exchange(opened_, true)) events = format_->open();
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    if (!choices_[i].closed) events += take_choice(i);
  }
  const bool all_closed =
      std::ranges::all_of(choices_, [](const Choice& choice) { return choice.closed; });
  if (all_closed && !std::exchange(finished_, true)) events += end();
  return events;
}

std::string PendingAnswer::take_choice(std::size_t index) {
  Choice& choice = choices_[index];
  std::string events;
  const std::string text = choice.generation->take(choice.outcome);
  if (!text.empty()) events = format_->add(index, text);
  if (!choice.outcome.reason) return events;
  choice.closed = true;
  if (!choice.outcome.error.empty()) error_ = choice.outcome.error;
  return events + format_->close(index, *choice.outcome.reason);
}

Usage PendingAnswer::usage() const {
  const Outcome& first = choices_.front().outcome;
  Usage usage;
  usage.prompt_tokens = prompt_tokens_;
  usage.cached_tokens = first.cached_tokens;
  usage.queue_s = first.queue_s;
  usage.first_token_s = first.first_token_s;
  for (const Choice& choice : choices_) {
    usage.completion_tokens += choice.outcome.tokens;
    usage.total_s = std::max(usage.total_s, choice.outcome.total_s);
  }
  return usage;
}

std::string PendingAnswer::end() {
  if (!error_.empty()) {
    return server_sent_event(to_json(unavailable(500, error_, "engine_failed")));
  }
  return format_->end(usage());
}

}  // namespace linnet::serve
