#include "architectures/banned_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet {

std::vector<TokenId> read_banned_tokens(Hyperparameters& p, std::int64_t vocabulary) {
  constexpr std::string_view kKey = "tokenizer.ggml.suppress_tokens";
  const gguf::Value* const value = p.file().find(kKey);
  if (!value) return {};
  const auto* const ids = std::get_if<gguf::Array>(&value->data);
  if (!ids || !ids->is_integer()) {
    p.fail(fmt::format("metadata key {} must be an array of integers", kKey));
    return {};
  }
  std::vector<TokenId> tokens;
  for (std::size_t i = 0; i < ids->size(); ++i) {
    const std::int64_t id = ids->integer(i);
    if (id >= 0 && id < vocabulary) tokens.push_back(static_cast<TokenId>(id));
  }
  std::ranges::sort(tokens);
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  return tokens;
}

}  // namespace linnet
