#include "architectures/target_results.hpp"

#include <fmt/format.h>

#include <cstring>

#include "architectures/common.hpp"

namespace linnet {
namespace {

// The file's tensor of the tokens that columns of the logits stand for.
constexpr std::string_view kTokensOfColumns = "d2t";

// The tokens of the target, whose tokenizer the file has.
std::int64_t read_vocabulary(Hyperparameters& p, const WeightLoader& loader) {
  if (const std::int64_t rows = loader.rows("token_embd"); rows > 0) return rows;
  const gguf::Value* const tokens = p.file().find("tokenizer.ggml.tokens");
  const auto* const array = tokens ? std::get_if<gguf::Array>(&tokens->data) : nullptr;
  return array ? static_cast<std::int64_t>(array->size()) : p.required_count("vocab_size");
}

std::vector<TokenId> read_tokens(Hyperparameters& p, std::int64_t vocabulary) {
  const gguf::Tensor* const tensor = p.file().find_tensor(kTokensOfColumns);
  if (!tensor) return {};
  if (tensor->format->type != TensorType::kI64) {
    p.fail(fmt::format("tensor {} is {}, expected I64", kTokensOfColumns, tensor->format->name));
    return {};
  }
  std::vector<TokenId> tokens(static_cast<std::size_t>(tensor->elements()));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::int64_t id = 0;
    std::memcpy(&id, tensor->bytes.data() + i * sizeof id, sizeof id);
    if (id < 0 || id >= vocabulary) {
      p.fail(fmt::format("tensor {} has the token {}, expected 0 to {}", kTokensOfColumns, id,
                         vocabulary - 1));
      return {};
    }
    tokens[i] = static_cast<TokenId>(id);
  }
  return tokens;
}

// The file counts the layers whose inputs are fused, from 0; that of the layer after the last one
// is the last one's result.
std::vector<int> read_target_layers(Hyperparameters& p, int count) {
  constexpr std::string_view kKey = "target_layers";
  std::vector<int> layers;
  for (const std::int64_t input : p.elements(kKey, count, Hyperparameters::kMostLayers)) {
    const int layer = static_cast<int>(input) - 1;
    if (layer < 0 || (!layers.empty() && layer <= layers.back())) {
      p.fail(
          fmt::format("metadata key {}.{} has the layer {}, expected layers from 1 on, ascending",
                      p.architecture(), kKey, input));
      return {};
    }
    layers.push_back(layer);
  }
  return layers;
}

}  // namespace

void read_fused_results(Hyperparameters& p, const WeightLoader& loader, int count,
                        ModelSpec& spec) {
  spec.vocabulary = read_vocabulary(p, loader);
  spec.prediction.target_layers = read_target_layers(p, count);
  spec.prediction.tokens = read_tokens(p, spec.vocabulary);
  if (!spec.prediction.tokens.empty()) required_rows(p, loader, "output");
  spec.unused_tensors.emplace_back(kTokensOfColumns);
}

}  // namespace linnet
