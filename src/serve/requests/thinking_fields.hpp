#pragma once

#include "serve/requests/chat_request.hpp"

namespace linnet::serve {

/// Reads whether, how much and how long an answer is to think, and where that is shown, by the
/// names of OpenAI's, Anthropic's and OpenRouter's API, of llama.cpp's server and of vLLM:
/// `chat_template_kwargs`, `enable_thinking`, `thinking`, `reasoning_effort`, `reasoning`,
/// `reasoning_format` and budgets of tokens. What is wrong is left in `fields`.
void read_thinking_fields(Fields& fields, ChatFields& chat);

/// Sets how much the model is to think; `none` also turns it off for templates that can't grade it.
void set_effort(const std::string& effort, Json& variables);

}  // namespace linnet::serve
