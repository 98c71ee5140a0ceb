#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generate/scheduler.hpp"
#include "generate/text_output.hpp"
#include "serve/engines/line_limits.hpp"
#include "serve/metrics.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet::serve {

/// Told each part of a text, in order; true ends it. May be empty.
using TextWatch = std::function<bool(std::string_view)>;

/// Where a generation stands.
struct Outcome {
  std::int64_t tokens = 0;                                   ///< generated
  std::int64_t cached_tokens = 0;                            ///< of the prompt, not computed again
  double queue_s = 0.0, first_token_s = 0.0, total_s = 0.0;  ///< since the request came
  bool started = false;                                      ///< it is not waiting any more
  std::optional<FinishReason> reason;                        ///< set when it has ended
  std::string stop_string;                                   ///< that has ended it, if one has
  std::string error;                                         ///< why it failed, if it did
  std::string_view error_code;                               ///< of that, as the API has it
};

/// How far a prompt is.
struct PromptProgress {
  std::int64_t computed_tokens = 0;  ///< with those of the cache
  std::int64_t cached_tokens = 0;
  double seconds = 0.0;  ///< since the text began
};

/// What was generated since one last looked.
struct GeneratedText {
  std::optional<PromptProgress> progress;  ///< if it was asked for, and there was some
  std::string text;
  std::vector<TokenLogprobs> logprobs;  ///< of each token, if they were asked for
  /// For each token of the prompt but the first, if they were asked for; all at once.
  std::vector<TokenLogprobs> prompt_logprobs;
  std::vector<TokenId> tokens{};  ///< if they were asked for

  /// There is nothing of the text.
  bool empty() const {
    return text.empty() && logprobs.empty() && prompt_logprobs.empty() && tokens.empty();
  }
};

// Codes of failures that are the server's own: a step could not be computed; the model could not be
// loaded; it does not fit the memory; it does not fit while other models are busy.
inline constexpr std::string_view kEngineFailed = "engine_failed";
inline constexpr std::string_view kLoadFailed = "load_failed";
inline constexpr std::string_view kNoMemory = "out_of_memory";
inline constexpr std::string_view kModelsBusy = "models_busy";

class Generation;

/// The news that a text has something to take().
struct Notice {
  std::shared_ptr<const Generation> generation;
  bool is_urgent = false;  ///< its first token, or its end
};
using Notices = std::vector<Notice>;

/// A text on its way from the engine's thread, which writes it, to the I/O thread, which takes it.
/// Held by shared pointers. Each member says which of the threads may call it.
class Generation : public std::enable_shared_from_this<Generation> {
 public:
  /// Log probabilities of a stream that may wait to be taken; a text fails if its client reads
  /// too slowly for that. They are kept as 16 bytes each, and need some 400 while they are written.
  static constexpr std::size_t kMostUntakenLogprobs = 1 << 18;

  struct Options {
    TextOutput::Options text{};
    bool is_streamed = true;  ///< false: nobody takes anything before its end
    LineLimits::Options lines{};
    bool tells_progress = false;  ///< of the prompt
    TextWatch watch{};
    bool tells_tokens = false;
  };

  /// `on_news` is what notify() calls. `tokenizer` and `metrics` must outlive this.
  Generation(const Tokenizer& tokenizer, Options options, ModelMetrics& metrics,
             std::function<void()> on_news);

  // I/O thread.

  /// Tells whoever waits for the text that there is something new to take().
  void notify() const { on_news_(); }

  /// What has come since the last call, and how things stand.
  GeneratedText take(Outcome& outcome);
  /// How things stand; takes nothing.
  Outcome peek() const;
  double age_s() const { return seconds_since_request(); }
  /// Nobody wants the text any more.
  void cancel() { cancelled_ = true; }

  /// There will be a notice in `notices`, which is the engine's thread's, when there is something
  /// new, and not again before that was taken unless it is urgent. Before the generation is queued.
  void collect_notices(Notices& notices) { notices_ = &notices; }

  // Engine's thread.

  bool is_cancelled() const { return cancelled_; }
  void start(std::int64_t cached_tokens);
  bool tells_progress() const { return tells_progress_; }
  /// So many tokens of the prompt are computed, or were in the cache.
  void add_progress(std::int64_t computed_tokens);
  /// Adds those of the next token of the prompt.
  void add_prompt_logprobs(TokenLogprobs logprobs) {
    prompt_logprobs_.push_back(std::move(logprobs));
  }
  /// Adds those of the token that push() gets next.
  void add_logprobs(TokenLogprobs logprobs);
  /// False if a stop string, a limit of its lines or its watch has ended the text.
  bool push(TokenId token);
  void finish(FinishReason reason);
  void fail(std::string error, std::string_view code = kEngineFailed);

 private:
  using Clock = std::chrono::steady_clock;

  double seconds_since_request() const;
  std::string limited(std::string text, double seconds);
  void hand_prompt_over();
  void observe_latency(Clock::time_point now, double seconds);
  /// Hands `text` over and has `change` change the outcome.
  template <class Change>
  void publish(const std::string& text, bool is_urgent, const Change& change);

  const bool is_streamed_;
  const bool tells_progress_;
  const bool tells_tokens_;
  ModelMetrics& metrics_;
  const std::function<void()> on_news_;
  const Clock::time_point requested_ = Clock::now();
  std::atomic<bool> cancelled_{false};

  // Of the engine's thread.
  TextOutput text_;
  LineLimits lines_;
  const TextWatch watch_;
  bool is_over_ = false;  // as watch_ has it
  Clock::time_point first_token_, last_token_;
  Notices* notices_ = nullptr;
  std::int64_t pushed_ = 0;
  std::vector<TokenLogprobs> prompt_logprobs_;  // until the text begins

  mutable std::mutex mutex_;  // guards what follows
  GeneratedText generated_;
  std::size_t untaken_logprobs_ = 0;  // in generated_, with those of other tokens
  Outcome outcome_;
  bool notified_ = false;
};

}  // namespace linnet::serve
