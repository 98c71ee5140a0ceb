#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/prompt_encoding.hpp"
#include "generate/engine.hpp"
#include "linnet/chat/chat_answer.hpp"
#include "linnet/chat/chat_history.hpp"
#include "linnet/chat/chat_settings.hpp"
#include "linnet/media_files.hpp"
#include "linnet/terminal/interrupt_catcher.hpp"

namespace linnet::app {

/// What a turn cost.
struct TurnStats {
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  ///< of the prompt, not computed again
  std::int64_t answer_tokens = 0;
  std::int64_t context = 0;
  double prompt_s = 0.0, answer_s = 0.0;
  FinishReason reason = FinishReason::kStop;
};

/// A conversation with a model. What a prompt has in common with what was computed before is found
/// again in the engine's cache, so that a turn costs its new tokens only. Belongs to one thread;
/// `catcher` ends the answer.
class ChatSession {
 public:
  /// All must outlive the session.
  ChatSession(Engine& engine, const ModelFile& file, const ChatTemplate& chat_template,
              ChatSettings settings, const InterruptCatcher& catcher);

  /// Says something and writes the answer to standard output as it comes. On an Error nothing of it
  /// is kept.
  Status say(std::string_view text);
  /// Answers the last message once more, with another seed.
  Status regenerate();

  /// Lets the model think before it answers, or not; an Error if its template knows no such
  /// thing.
  Status set_thinking(bool wanted);

  /// Writes the conversation with what was computed for it; if `path` ends in .json, the
  /// messages alone.
  Status save(const std::string& path);
  /// Reads either. On an Error the conversation stays as it is.
  Status load(const std::string& path);

  ChatHistory& history() { return history_; }
  /// The files that texts may have.
  MediaFiles& media() { return media_; }
  ChatSettings& settings() { return settings_; }
  const TurnStats& stats() const { return stats_; }

 private:
  struct EncodedPrompt {
    Prompt prompt;
    std::vector<TokenId> tokens;
    Media media;
  };

  Status answer();
  Status load_messages(const std::string& path);
  Status set_notes(std::string_view notes);
  Result<EncodedPrompt> encode_history() const;
  Result<EncodedPrompt> make_prompt();
  Result<std::int64_t> hide_turns(std::int64_t most_tokens, EncodedPrompt& encoded);
  std::int64_t answer_room() const;
  Status generate(const EncodedPrompt& prompt, ChatAnswer& answer);

  Engine& engine_;
  const Tokenizer& tokenizer_;
  const ChatTemplate& template_;
  const bool has_thinking_switch_;
  ChatSettings settings_;
  const InterruptCatcher& catcher_;
  std::vector<TokenId> end_tokens_;
  ChatHistory history_;
  MediaFiles media_;
  ConversationTokens known_;
  TurnStats stats_;
};

}  // namespace linnet::app
