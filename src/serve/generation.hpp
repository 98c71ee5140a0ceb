#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "generate/scheduler.hpp"
#include "generate/text_output.hpp"
#include "serve/metrics.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet::serve {

/// Where a generation stands.
struct Outcome {
  std::int64_t tokens = 0;                                   ///< generated
  std::int64_t cached_tokens = 0;                            ///< of the prompt, not computed again
  double queue_s = 0.0, first_token_s = 0.0, total_s = 0.0;  ///< since the request came
  bool started = false;                                      ///< it is not waiting any more
  std::optional<FinishReason> reason;                        ///< set when it has ended
  std::string stop_string;                                   ///< that has ended it, if one has
  std::string error;                                         ///< why it failed, if it did
};

/// What was generated since one last looked.
struct GeneratedText {
  std::string text;
  std::vector<TokenLogprobs> logprobs;  ///< of each token, where they were asked for

  bool empty() const { return text.empty() && logprobs.empty(); }
};

/// A text on its way from the engine's thread, which writes it, to the I/O thread, which takes it.
/// Each member says which of them may call it.
class Generation {
 public:
  struct Options {
    std::vector<std::string> stops;     ///< strings that end the text and are not part of it
    std::int64_t min_tokens = 0;        ///< before so many, no stop string is looked for
    std::vector<TokenId> shown_tokens;  ///< control tokens whose text is part of it, ascending
  };

  /// `notify` is called from the engine's thread when there is something new to take(), at once or
  /// later as collect_notices() says; it is not called again before that. `tokenizer` and `metrics`
  /// must outlive this.
  Generation(const Tokenizer& tokenizer, Options options, Metrics& metrics,
             std::function<void()> notify);

  // I/O thread.

  /// What has come since the last call, and how things stand.
  GeneratedText take(Outcome& outcome);
  /// How things stand; takes nothing.
  Outcome peek() const;
  double age_s() const { return seconds_since_request(); }
  /// Nobody wants the text any more.
  void cancel() { cancelled_ = true; }

  // Engine's thread.

  bool is_cancelled() const { return cancelled_; }
  /// From now on, calls of `notify` that are due are put into `notices` (null: called at once), so
  /// that the I/O thread is not woken for each text of a step.
  void collect_notices(std::vector<std::function<void()>>* notices) { notices_ = notices; }
  void start(std::int64_t cached_tokens);
  /// Of the token that push() gets next.
  void add_logprobs(TokenLogprobs logprobs);
  /// False if a stop string has ended the text.
  bool push(TokenId token);
  void finish(FinishReason reason);
  void fail(std::string error);

 private:
  using Clock = std::chrono::steady_clock;

  double seconds_since_request() const;
  std::string text_of(TokenId token);
  void observe_latency(Clock::time_point now, double seconds);
  /// Hands `text` over and changes the outcome.
  void publish(const std::string& text, const std::function<void(Outcome&)>& change);

  const Tokenizer& tokenizer_;
  const Options options_;
  Metrics& metrics_;
  const std::function<void()> notify_;
  const Clock::time_point requested_ = Clock::now();
  std::atomic<bool> cancelled_{false};

  // Of the engine's thread.
  Detokenizer detokenizer_;
  StopStrings stops_;
  Clock::time_point last_token_;
  std::vector<std::function<void()>>* notices_ = nullptr;
  std::int64_t pushed_ = 0;

  mutable std::mutex mutex_;  // guards what follows
  GeneratedText generated_;
  Outcome outcome_;
  bool notified_ = false;
};

}  // namespace linnet::serve
