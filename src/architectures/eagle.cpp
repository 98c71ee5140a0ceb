#include <fmt/format.h>

#include <cstring>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

// The file's tensor of the tokens that columns of the logits stand for.
constexpr std::string_view kTokensOfColumns = "d2t";

// Those of the target, whose tokenizer the file has.
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

// The file counts the layers whose inputs are fused, from 0; that of the layer behind the last one
// is the last one's result.
std::vector<int> read_target_layers(Hyperparameters& p) {
  constexpr std::string_view kKey = "target_layers";
  constexpr int kCount = 3;
  std::vector<int> layers;
  for (const std::int64_t input : p.elements(kKey, kCount, Hyperparameters::kMostLayers)) {
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

// EAGLE-3 (https://arxiv.org/abs/2503.01840): one layer like Llama's, which guesses for the model
// that it was trained with.
ModelSpec read_eagle3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  if (spec.layers.size() != 1 || spec.layers.front().attention.kv_heads == 0) {
    p.fail(fmt::format("metadata key {}.block_count is {}, expected one layer with attention",
                       p.architecture(), spec.layers.size()));
    return spec;
  }
  spec.vocabulary = read_vocabulary(p, loader);
  PredictionSpec& prediction = spec.prediction;
  prediction.kind = PredictionSpec::Kind::kBeside;
  prediction.target_layers = read_target_layers(p);
  prediction.target_width = p.required_count("target_hidden_size", Hyperparameters::kWidest);
  prediction.normalises_stream = p.boolean("norm_before_residual", false);
  prediction.normalises_results = p.boolean("norm_before_fc", false);
  prediction.tokens = read_tokens(p, spec.vocabulary);
  if (!prediction.tokens.empty()) required_rows(p, loader, "output");
  spec.unused_tensors.emplace_back(kTokensOfColumns);
  return spec;
}

}  // namespace linnet
