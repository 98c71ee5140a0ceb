#pragma once

#include <cstdint>
#include <optional>

#include "chat/chat_template.hpp"
#include "generate/sampling/params.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet::serve {

/// Limits the thinking of the answer to `prompt` to a number of tokens; nothing if the model's
/// family does not think. `tokenizer` must outlive it.
Result<std::optional<ThinkingBudget>> thinking_budget(const Tokenizer& tokenizer,
                                                      const Prompt& prompt, std::int64_t tokens);

}  // namespace linnet::serve
