#pragma once

#include <chrono>
#include <optional>

#include "serve/constraints/text_constraint.hpp"
#include "serve/requests/chat_request.hpp"
#include "serve/requests/generation_options.hpp"

namespace linnet::serve {

/// A request of Ollama's /api/chat or /api/generate.
struct OllamaRequest {
  GenerationOptions options;
  TextConstraint constraint;
  /// The conversation; without messages, the model is to be loaded and nothing else.
  ChatFields chat;
  std::optional<std::chrono::milliseconds> stay;  ///< keep_alive
};

/// Reads `keep_alive`, how long the model stays in memory afterwards: seconds as a number, or a
/// text as "5m" or "1h30m"; below 0: until another model needs the room. Nothing if it is
/// absent.
std::optional<std::chrono::milliseconds> read_keep_alive(Fields& fields);

/// Reads `messages`, `tools`, `think`, `format`, `options` and `stream`. What is wrong is left in
/// `fields`.
OllamaRequest read_ollama_chat(Fields& fields, const ServedModel& model);

/// Reads `prompt`, `system` and `images` as a conversation, and the rest as read_ollama_chat().
OllamaRequest read_ollama_prompt(Fields& fields, const ServedModel& model);

/// Whether /api/generate asks for a text that goes on, or is filled in, without any template: with
/// `raw`, a `suffix`, or a model that has no template.
bool is_ollama_text(Fields& fields, const ServedModel& model);

}  // namespace linnet::serve
