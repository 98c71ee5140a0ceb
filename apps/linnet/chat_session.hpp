#pragma once

#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_template.hpp"
#include "generate/engine.hpp"

namespace linnet::app {

/// What happens when a conversation has grown too long for the context.
enum class Overflow { kError, kDropOldest };

struct ChatSettings {
  SamplingParams sampling;
  std::vector<std::string> stop;
  std::int64_t min_tokens = 0;
  std::int64_t max_tokens = 0;  ///< 0: as many as the context holds
  Overflow overflow = Overflow::kError;
  bool colours = false;  ///< standard output is a terminal
};

/// What a turn cost.
struct TurnStats {
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  ///< of the prompt, not computed again
  std::int64_t answer_tokens = 0;
  std::int64_t context = 0;
  double prompt_s = 0.0, answer_s = 0.0;
  FinishReason reason = FinishReason::kStop;
};

/// A conversation with a model. What the answers have in common with what was computed before is
/// found again in the engine's cache. Belongs to one thread; `interrupted` may be set from a signal
/// handler and ends the answer.
class ChatSession {
 public:
  /// All must outlive the session.
  ChatSession(Engine& engine, const Tokenizer& tokenizer, const ChatTemplate& chat_template,
              ChatSettings settings, std::atomic<bool>& interrupted);

  void set_system(std::string_view text);
  /// Forgets all but the system message.
  void reset();
  /// Says something and writes the answer to standard output as it comes. On an Error nothing of it
  /// is kept.
  Status say(std::string_view text);
  /// Answers the last message once more, with another seed.
  Status regenerate();

  Status save(const std::string& path) const;
  /// An Error leaves the conversation as it was.
  Status load(const std::string& path);

  std::int64_t turns() const;
  const TurnStats& stats() const { return stats_; }
  const ChatSettings& settings() const { return settings_; }

 private:
  struct Turn;

  Status answer();
  Result<std::vector<TokenId>> encode(const Prompt& prompt) const;
  Result<std::vector<TokenId>> make_prompt(Prompt& prompt);
  bool drop_oldest();
  Status generate(std::vector<TokenId> tokens, Turn& turn);

  Engine& engine_;
  const Tokenizer& tokenizer_;
  const ChatTemplate& template_;
  ChatSettings settings_;
  std::atomic<bool>& interrupted_;
  std::vector<TokenId> end_tokens_;
  nlohmann::ordered_json messages_ = nlohmann::ordered_json::array();
  TurnStats stats_;
};

}  // namespace linnet::app
