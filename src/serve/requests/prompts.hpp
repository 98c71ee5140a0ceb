#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/requests/json_request.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// What texts of a request are encoded for.
struct Encoding {
  const ServedModel& model;
  const std::function<bool()>& is_given_up;  ///< the request; then encoding ends with an error
};

/// The error that `what` (ends with a verb) so many tokens, by the fault of the field `param`.
ApiError too_long(std::string_view what, std::int64_t tokens, std::int64_t context,
                  std::string param);

/// The same of a text, called `what`, that has more bytes than the context holds, whatever its
/// tokens are: so it need not be encoded, which takes memory and time.
std::optional<ApiError> refuse_length(const ServedModel& model, std::size_t text_bytes,
                                      std::string_view what, std::string param);

/// Token ids from a JSON array, each of the vocabulary.
ApiResult<std::vector<TokenId>> read_tokens(const Json& array, std::string_view path,
                                            std::int64_t vocabulary);

/// A text as ids, with BOS and EOS where the vocabulary asks for them and `add_special` is true;
/// special tokens are recognised in it only with `parse_special`. One that can't fit the context is
/// refused at once.
ApiResult<std::vector<TokenId>> encode_text(const Encoding& encoding, const std::string& text,
                                            std::string_view path, bool parse_special = false,
                                            bool add_special = true);

inline constexpr std::size_t kMostPrompts = 256;      ///< of completions in a request
inline constexpr std::size_t kMostEmbeddings = 2048;  ///< as OpenAI's API has it

/// Reads a text, token ids, a list of texts or a list of lists of token ids: one or more prompts,
/// none of which is empty, at most so many.
ApiResult<std::vector<std::vector<TokenId>>> read_prompts(Fields& fields, std::string_view name,
                                                          const Encoding& encoding,
                                                          std::size_t most = kMostPrompts);

/// The same of an API whose clients write the prompt's template themselves: one text, in which
/// special tokens are recognised, or token ids.
ApiResult<std::vector<TokenId>> read_raw_prompt(Fields& fields, std::string_view name,
                                                const Encoding& encoding);

/// The same of llama.cpp's API, where a prompt may also be a list of texts and token ids, and there
/// may be several.
ApiResult<std::vector<std::vector<TokenId>>> read_raw_prompts(Fields& fields, std::string_view name,
                                                              const Encoding& encoding);

/// Reads how many numbers of a vector are wanted (`dimensions`), the first ones; 0: all. Fails
/// where `embd_normalize` asks for vectors of another length than 1.
std::int64_t read_dimensions(Fields& fields, const ServedModel& model);

/// The ids as text, special tokens included.
std::string text_of_tokens(const Tokenizer& tokenizer, const std::vector<TokenId>& ids);

/// Has the hole of `text` filled; errors are of the field `param`.
ApiResult<std::vector<TokenId>> infill_prompt(const Encoding& encoding, const InfillText& text,
                                              const std::string& param);

}  // namespace linnet::serve
