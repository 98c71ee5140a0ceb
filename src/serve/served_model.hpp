#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_template.hpp"
#include "generate/engine.hpp"

namespace linnet::serve {

/// What the API knows of the model without running it. Immutable and shared between threads.
struct ServedModel {
  const Tokenizer* tokenizer = nullptr;  ///< never null once made
  std::optional<ChatTemplate> chat;
  std::string chat_problem;  ///< why there is no chat template
  std::string id;            ///< its name in the API
  std::int64_t context = 0;  ///< most tokens of a prompt and its answer
  std::int64_t created = 0;  ///< seconds since 1970, for /v1/models
  std::vector<TokenId> end_tokens;
};

/// `file` must outlive the result and must have a tokenizer. `chat_template` names a built-in
/// template or a file; empty: the one of the model, if it has one. Errors: a template that can't be
/// read or parsed; no tokenizer.
Result<ServedModel> describe_model(const ModelFile& file, std::string id,
                                   const std::string& chat_template, std::int64_t context);

}  // namespace linnet::serve
