#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "serve/api_error.hpp"
#include "serve/engines/generation.hpp"

namespace linnet::serve {

/// What an answer took, or one choice of it; seconds are since the request came.
struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;
  double queue_s = 0.0, first_token_s = 0.0, total_s = 0.0;

  /// If nothing is generated, as of embeddings, all of the time is the prompt's.
  double prompt_s() const { return (completion_tokens > 0 ? first_token_s : total_s) - queue_s; }
  double generation_s() const { return completion_tokens > 0 ? total_s - first_token_s : 0.0; }
};

/// OpenAI's `usage` object.
Json usage_json(const Usage& usage);
/// Seconds and rates of an answer, and the result of llama_timings_json().
Json timings_json(const Usage& usage);
/// The same as llama.cpp's server has it: counts, milliseconds and rates.
Json llama_timings_json(const Usage& usage);
/// How much of a prompt is computed, in the form of llama.cpp's server.
Json prompt_progress_json(const PromptProgress& progress, std::int64_t prompt_tokens);

/// One server-sent event.
std::string server_sent_event(const Json& data, std::string_view name = "");

/// Server-sent events that differ in one text only, made without making all of their JSON again.
class TextEvents {
 public:
  /// What stands in the JSON where the text belongs.
  static constexpr std::string_view kHole = "\x01";

  explicit TextEvents(const Json& data);
  std::string with(std::string_view text) const;

 private:
  std::string before_, after_;
};

/// How a choice has ended.
struct Ending {
  FinishReason reason = FinishReason::kStop;
  std::string stop_string;  ///< the one that has ended it; empty: none has
  Usage usage{};            ///< what it took alone
};

/// How an endpoint writes an answer: as events while it comes, and as a whole. Everything that
/// comes goes through open(), add(), close() and end() in this order, streamed or not; they return
/// the events to send.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;

  virtual std::string open() = 0;
  /// A prompt goes on, if that was asked for; `so_far` is of the choice.
  virtual std::string tell_progress(std::size_t, const PromptProgress&, const Usage&) { return {}; }
  /// What the choice took so far, before what it adds, for `timings_per_token`.
  virtual void tell_usage(std::size_t, const Usage&) {}
  virtual std::string add(std::size_t choice, const GeneratedText& generated) = 0;
  /// A choice has ended.
  virtual std::string close(std::size_t choice, const Ending& ending) = 0;
  virtual std::string end(const Usage& usage) = 0;
  /// Instead of end(): the events of a stream that can't go on.
  virtual std::string fail(const ApiError& error) { return server_sent_event(to_json(error)); }
  /// For a stream.
  virtual std::string_view content_type() const { return "text/event-stream"; }
  /// What a stream without news says, so that nobody takes the connection for a dead one.
  virtual std::string keep_alive() const { return ": still at work\n\n"; }
  /// After end(): the body of an answer that is not streamed.
  virtual Json whole(const Usage& usage) = 0;

  /// What client and operator should know of the answer: calls of tools that could not be
  /// understood, what of the request it goes without, what could not be held.
  const std::vector<std::string>& warnings() const { return warnings_; }
  void warn(std::string text) { warnings_.push_back(std::move(text)); }

 protected:
  /// Puts the warnings, if there are any, into what is sent.
  void add_warnings(Json& json) const {
    if (!warnings_.empty()) json["warnings"] = warnings_;
  }

 private:
  std::vector<std::string> warnings_;
};

/// For answers that are not text and only come as a whole.
class WholeFormat : public AnswerFormat {
 public:
  std::string open() final { return {}; }
  std::string add(std::size_t, const GeneratedText&) final { return {}; }
  std::string close(std::size_t, const Ending&) override { return {}; }
  std::string end(const Usage&) final { return {}; }
};

/// What answers say of themselves.
struct AnswerHead {
  std::string id;
  std::string model;
  std::int64_t created = 0;
  bool streams_usage = false;
  bool has_logprobs = false;
  bool keeps_logprobs = true;  ///< for whole(); they are large, and a stream has no use for it
  std::string fingerprint{};   ///< of the model
  bool times_tokens = false;   ///< each event has timings
};

}  // namespace linnet::serve
