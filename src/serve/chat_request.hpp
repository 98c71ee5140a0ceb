#pragma once

#include <string>
#include <variant>
#include <vector>

#include "chat/chat_template.hpp"
#include "serve/json_request.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet::serve {

/// Reads `messages`, `tools`, `tool_choice` (none, auto), `chat_template_kwargs` and
/// `reasoning_effort`; what is wrong is left in `fields`.
ChatRequest read_chat_request(Fields& fields);

/// Token ids from a JSON array, each of the vocabulary.
std::variant<std::vector<TokenId>, ApiError> read_tokens(const Json& array, std::string_view path,
                                                         std::int64_t vocabulary);

}  // namespace linnet::serve
