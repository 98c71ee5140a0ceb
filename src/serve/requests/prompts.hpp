#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "serve/requests/json_request.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// Token ids from a JSON array, each of the vocabulary.
ApiResult<std::vector<TokenId>> read_tokens(const Json& array, std::string_view path,
                                            std::int64_t vocabulary);

/// A text as ids, with BOS and EOS where the vocabulary asks for them; special tokens are
/// recognised in it only with `parse_special`.
ApiResult<std::vector<TokenId>> encode_text(const Tokenizer& tokenizer, const std::string& text,
                                            std::string_view path, bool parse_special = false);

inline constexpr std::size_t kMostPrompts = 256;      ///< of completions in a request
inline constexpr std::size_t kMostEmbeddings = 2048;  ///< as OpenAI's API has it

/// Reads a text, token ids, a list of texts or a list of lists of token ids: one or more prompts,
/// none of which is empty, at most so many.
ApiResult<std::vector<std::vector<TokenId>>> read_prompts(Fields& fields, std::string_view name,
                                                          const Tokenizer& tokenizer,
                                                          std::size_t most = kMostPrompts);

/// The same of an API whose clients write the prompt's template themselves: one text, in which
/// special tokens are recognised, or token ids.
ApiResult<std::vector<TokenId>> read_raw_prompt(Fields& fields, std::string_view name,
                                                const Tokenizer& tokenizer);

/// The ids as text, special tokens included.
std::string text_of_tokens(const Tokenizer& tokenizer, const std::vector<TokenId>& ids);

/// Has the hole of `text` filled; errors are of the field `param`.
ApiResult<std::vector<TokenId>> infill_prompt(const ServedModel& model, const InfillText& text,
                                              const std::string& param);

}  // namespace linnet::serve
