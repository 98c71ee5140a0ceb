#pragma once

#include <cstdint>
#include <vector>

#include "generate/sampling/logprobs.hpp"
#include "serve/api_error.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet::serve {

/// {"token": ..., "logprob": ..., "bytes": [...], "top_logprobs": [...]}, as in chat completions
/// and responses.
Json chat_logprob(const Tokenizer& tokenizer, const TokenLogprobs& logprobs);

/// {"id": ..., "token": ..., "bytes": [...], "logprob": ..., "top_logprobs": [...]}, as llama.cpp's
/// server has it in `completion_probabilities`.
Json llama_logprob(const Tokenizer& tokenizer, const TokenLogprobs& logprobs);

/// {"tokens": [...], "token_logprobs": [...], "top_logprobs": [...], "text_offset": [...]}, as in
/// completions; the token that was chosen is among the likeliest, too, if these are wanted.
/// `offset` is where the first token begins in the text, in characters, and is moved on.
Json completion_logprobs(const Tokenizer& tokenizer, const std::vector<TokenLogprobs>& logprobs,
                         std::int64_t& offset);

/// The same of a prompt, of whose tokens the first has none; they begin where what they add to the
/// text does, which control tokens add nothing to.
Json prompt_logprobs(const Tokenizer& tokenizer, const std::vector<TokenId>& prompt,
                     const std::vector<TokenLogprobs>& logprobs);

/// Appends a result of completion_logprobs() to an earlier one of it or of prompt_logprobs().
void append_lists(const Json& more, Json& to);

/// Puts `logprobs` after those in `to`.
void append(const std::vector<TokenLogprobs>& logprobs, std::vector<TokenLogprobs>& to);

/// Tokens that a text takes; 0 for an empty one.
std::int64_t count_tokens_of(const Tokenizer& tokenizer, std::string_view text);
/// Characters of a text.
std::int64_t count_characters(std::string_view utf8);

}  // namespace linnet::serve
