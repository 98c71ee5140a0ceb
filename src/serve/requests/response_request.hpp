#pragma once

#include "serve/constraints/text_constraint.hpp"
#include "serve/requests/chat_request.hpp"
#include "serve/requests/generation_options.hpp"

namespace linnet::serve {

/// A request of OpenAI's Responses API.
struct ResponseFields {
  ChatFields chat;
  GenerationOptions options;
  TextConstraint constraint;
  Json settings;  ///< what the answer repeats of the request
};

/// Reads `instructions` and `input` (a text or items: messages, function_call,
/// function_call_output, reasoning) as the conversation that they stand for, and `tools`,
/// `tool_choice`, `text.format`, `reasoning`, `max_output_tokens` and how tokens are drawn. What is
/// wrong is left in `fields`.
ResponseFields read_response_fields(Fields& fields, const ServedModel& model);

}  // namespace linnet::serve
