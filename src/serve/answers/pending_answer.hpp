#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serve/answers/answer_format.hpp"

namespace linnet::serve {

/// An answer whose choices are being generated. Belongs to the I/O thread; when it is destroyed,
/// what is still generated is cancelled.
class PendingAnswer {
 public:
  /// `prompt_tokens` of each prompt; the choices are as many for each of them, in their order.
  PendingAnswer(std::vector<std::shared_ptr<Generation>> choices,
                std::unique_ptr<AnswerFormat> format,
                const std::vector<std::int64_t>& prompt_tokens, bool streams);
  ~PendingAnswer();
  PendingAnswer(const PendingAnswer&) = delete;
  PendingAnswer& operator=(const PendingAnswer&) = delete;

  bool streams() const { return streams_; }
  /// Takes what has come; the server-sent events for it.
  std::string take_events();
  /// For the stream.
  std::string_view content_type() const { return format_->content_type(); }
  /// What to send if nothing has come for long.
  std::string keep_alive() const { return format_->keep_alive(); }
  /// True when take_events() has given the last event.
  bool finished() const { return finished_; }
  /// Why it failed, when it has finished; nothing if it did not.
  const std::optional<ApiError>& error() const { return error_; }
  /// See AnswerFormat::warnings().
  const std::vector<std::string>& warnings() const { return format_->warnings(); }
  /// What it took so far.
  Usage usage() const;
  /// The body of an answer that is not streamed, when it has finished.
  Json whole() { return format_->whole(usage()); }

 private:
  struct Choice {
    std::shared_ptr<Generation> generation;
    Outcome outcome;
    bool closed = false;
  };

  std::string take_choice(std::size_t index);
  Usage usage_of(std::size_t index) const;
  void cancel() const;

  std::vector<Choice> choices_;
  std::unique_ptr<AnswerFormat> format_;
  const std::size_t choices_per_prompt_;
  const std::vector<std::int64_t> prompt_tokens_;
  const bool streams_;
  bool opened_ = false;
  bool finished_ = false;
  std::optional<ApiError> error_;
};

}  // namespace linnet::serve
