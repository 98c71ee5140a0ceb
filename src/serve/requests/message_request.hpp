#pragma once

#include "serve/constraints/text_constraint.hpp"
#include "serve/requests/chat_request.hpp"
#include "serve/requests/generation_options.hpp"

namespace linnet::serve {

/// Reads a request of Anthropic's Messages API as the conversation that it stands for: `system`,
/// `messages` with their blocks (text, image, thinking, tool_use, tool_result), `tools`,
/// `tool_choice`, `thinking`. A last message of the assistant is the beginning of the answer. What
/// is wrong is left in `fields`.
ChatFields read_message_fields(Fields& fields);

/// Reads `max_tokens`, `stop_sequences` and what all generating endpoints share.
GenerationOptions read_message_options(Fields& fields, const ServedModel& model);

/// Reads `output_config.format` or the older `output_format`, and what all endpoints take.
TextConstraint read_message_constraint(Fields& fields);

}  // namespace linnet::serve
