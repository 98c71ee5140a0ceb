#pragma once

#include <vector>

#include "base/token_id.hpp"
#include "model/hyperparameters.hpp"

namespace linnet {

/// `tokenizer.ggml.suppress_tokens`: tokens that are in a vocabulary and were not trained, or that
/// stand for pictures. Ids that are no tokens of `vocabulary` are left out. What is wrong goes to
/// `p`.
std::vector<TokenId> read_banned_tokens(Hyperparameters& p, std::int64_t vocabulary);

}  // namespace linnet
