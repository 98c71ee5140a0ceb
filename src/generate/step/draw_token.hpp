#pragma once

#include <optional>

#include "generate/step/sequence.hpp"

namespace linnet {

/// Draws the next token of a sequence from `row`, adds it to its tokens and tells its request of
/// it. How the sequence ends with that; nothing if it goes on.
std::optional<Result<FinishReason>> draw_token(Sequence& sequence, const LogitRow& row);

/// Reports the logprobs of the next token of the prompt, which the logits in `row` predict, to the
/// request; an Error if they are NaN.
Status score_prompt_token(Sequence& sequence, const LogitRow& row);

/// The Error that `what` the model computed for the last of `tokens` tokens is NaN or infinite.
Error no_numbers(std::string_view what, std::int64_t tokens);

}  // namespace linnet
