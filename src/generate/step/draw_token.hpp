#pragma once

#include <optional>

#include "generate/step/sequence.hpp"

namespace linnet {

/// Draws the next token of a sequence from `row`, adds it to its tokens and tells its request of
/// it. How the sequence ends with that; nothing where it goes on.
std::optional<Result<FinishReason>> draw_token(Sequence& sequence, const LogitRow& row);

/// Tells the request of the first token of its prompt that it was not told of yet, by the `row`
/// before it; an Error where the model gave what is no number.
Status score_prompt_token(Sequence& sequence, const LogitRow& row);

/// That the model gave what is no number for the last of so many tokens.
Error no_numbers(std::string_view what, std::int64_t tokens);

}  // namespace linnet
