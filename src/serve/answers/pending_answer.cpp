#include "serve/answers/pending_answer.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace linnet::serve {
namespace {

constexpr int kRetryAfter_s = 5;

// The model may soon fit into memory.
constexpr std::array kPassing = {kLoadFailed, kNoMemory, kModelsBusy};

// Why a text has failed. That no token is allowed lies in what was asked for.
ApiError error_of(const Outcome& outcome) {
  const std::string code(outcome.error_code);
  if (code == kNoTokenAllowed) return invalid_request(outcome.error, "", code);
  const bool is_passing = std::ranges::find(kPassing, code) != kPassing.end();
  ApiError error = unavailable(is_passing ? 503 : 500, outcome.error, code);
  if (is_passing) error.retry_after_s = kRetryAfter_s;
  return error;
}

}  // namespace

PendingAnswer::PendingAnswer(std::vector<std::shared_ptr<Generation>> choices,
                             std::unique_ptr<AnswerFormat> format,
                             const std::vector<std::int64_t>& prompt_tokens, bool streams)
    : format_(std::move(format)),
      choices_per_prompt_(choices.size() / prompt_tokens.size()),
      prompt_tokens_(prompt_tokens),
      streams_(streams) {
  for (auto& generation : choices) choices_.push_back({std::move(generation), {}, false});
}

PendingAnswer::~PendingAnswer() { cancel(); }

void PendingAnswer::cancel() const {
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
  if (!all_closed || std::exchange(finished_, true)) return events;
  if (error_) return events + format_->fail(*error_);
  return events + format_->end(usage());
}

std::string PendingAnswer::take_choice(std::size_t index) {
  Choice& choice = choices_[index];
  std::string events;
  const GeneratedText generated = choice.generation->take(choice.outcome);
  if (generated.progress) {
    events = format_->tell_progress(index, *generated.progress, usage_of(index));
  }
  format_->tell_usage(index, usage_of(index));
  if (!generated.empty()) events += format_->add(index, generated);
  if (!choice.outcome.reason) return events;
  choice.closed = true;
  if (!choice.outcome.error.empty()) {
    if (!error_) error_ = error_of(choice.outcome);
    if (!streams_) cancel();  // nobody will read what the others say
    return events;
  }
  const Ending ending{*choice.outcome.reason, choice.outcome.stop_string, usage_of(index)};
  return events + format_->close(index, ending);
}

Usage PendingAnswer::usage_of(std::size_t index) const {
  const Outcome& outcome = choices_[index].outcome;
  return {prompt_tokens_[index / choices_per_prompt_],
          outcome.tokens,
          outcome.cached_tokens,
          outcome.queue_s,
          outcome.first_token_s,
          outcome.reason ? outcome.total_s : choices_[index].generation->age_s()};
}

Usage PendingAnswer::usage() const {
  // A choice may have no token, as where the text ends at once.
  const auto first = std::ranges::find_if(
      choices_, [](const Choice& choice) { return choice.outcome.tokens > 0; });
  const Outcome& told = (first == choices_.end() ? choices_.front() : *first).outcome;
  Usage usage;
  usage.prompt_tokens =
      std::accumulate(prompt_tokens_.begin(), prompt_tokens_.end(), std::int64_t{0});
  usage.queue_s = told.queue_s;
  usage.first_token_s = told.first_token_s;
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    const Outcome& outcome = choices_[i].outcome;
    // The prompt of further choices is that of the first one.
    if (i % choices_per_prompt_ == 0) usage.cached_tokens += outcome.cached_tokens;
    usage.completion_tokens += outcome.tokens;
    usage.total_s = std::max(usage.total_s, outcome.total_s);
  }
  return usage;
}

}  // namespace linnet::serve
