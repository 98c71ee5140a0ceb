#include <fmt/format.h>

#include <array>

#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/target_results.hpp"

namespace linnet {
namespace {

constexpr std::string_view kTargetLayers = "target_layers";
constexpr std::string_view kActivation = "hidden_activation";

// Models of the same name that are computed in another way.
void refuse_other_kinds(Hyperparameters& p, const WeightLoader& loader) {
  if (loader.has("selector_hidden.weight")) {
    p.fail("has the tensor selector_hidden.weight of DFlash 2, which is not known");
  }
  if (p.has("hyper_connection.count")) {
    p.fail(
        fmt::format("has {}.hyper_connection.count: DFlash with layers of DeepSeek-V4 is not known",
                    p.architecture()));
  }
}

int count_target_layers(Hyperparameters& p) {
  const auto array = p.file().array(fmt::format("{}.{}", p.architecture(), kTargetLayers));
  const std::size_t count = array && *array ? (*array)->size() : 0;
  if (count >= 1 && count <= Hyperparameters::kMostLayers) return static_cast<int>(count);
  p.fail(fmt::format("metadata key {}.{} has {} layers, expected 1 to {}", p.architecture(),
                     kTargetLayers, count, Hyperparameters::kMostLayers));
  return 0;
}

Activation read_activation(Hyperparameters& p) {
  const std::string name = p.string(kActivation, "silu");
  if (name == "silu") return Activation::kSilu;
  if (name == "gelu" || name == "gelu_pytorch_tanh") return Activation::kGeluOfHalves;
  p.fail(fmt::format("metadata key {}.{} is '{}', expected silu, gelu or gelu_pytorch_tanh",
                     p.architecture(), kActivation, name));
  return Activation::kSilu;
}

// Rope rotates by time, if rows have places. A layer may take its values from what its keys are
// before norm and rope.
void finish_attention(Hyperparameters& p, const WeightLoader& loader, ModelSpec& spec) {
  if (p.has_array("rope.dimension_sections")) {
    each_attention(spec, [](AttentionSpec& a) { a.placed_ropes = {{0, a.rope}}; });
  }
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    AttentionSpec& attention = spec.layers[i].attention;
    attention.plain_value_norm = !loader.has(block_name(i, "attn_v.weight"));
    if (attention.kv_heads > 0) continue;
    p.fail(fmt::format("layer {} has no keys (attention.head_count_kv), expected some", i));
  }
}

// The first row of a block is the text's last token. What it predicts is a guess only with a chain.
void read_block(Hyperparameters& p, const WeightLoader& loader, ModelSpec& spec) {
  constexpr int kUsualRows = 16, kMostRows = 1 << 10;
  constexpr std::string_view kMask = ".tokenizer.ggml.mask_token_id";
  PredictionSpec& prediction = spec.prediction;
  prediction.kind = PredictionSpec::Kind::kBlock;
  prediction.chain_columns = loader.columns("markov_w1");
  const bool from_first = prediction.chain_columns > 0 && p.boolean("sample_from_anchor", true);
  prediction.first_guess = from_first ? 0 : 1;
  prediction.block_rows = p.count("block_size", kUsualRows, kMostRows);
  if (prediction.block_guesses() < 1) {
    p.fail(fmt::format("metadata key {}.block_size is {}, expected at least {}", p.architecture(),
                       prediction.block_rows, prediction.first_guess + 1));
  }
  if (!p.has(kMask)) p.fail("missing metadata key tokenizer.ggml.mask_token_id");
  prediction.mask_token = p.count(kMask, 0);
  if (prediction.mask_token < spec.vocabulary) return;
  p.fail(fmt::format("metadata key tokenizer.ggml.mask_token_id is {}, expected 0 to {}",
                     prediction.mask_token, spec.vocabulary - 1));
}

}  // namespace

// DFlash (https://arxiv.org/abs/2602.06036) and DSpark, which adds a chain from guess to guess:
// layers like those of Qwen 3 or Gemma 4, which guess for the model that they were trained with.
ModelSpec read_dflash(Hyperparameters& p, WeightLoader& loader) {
  refuse_other_kinds(p, loader);
  ModelSpec spec = read_split_half(p, loader);
  spec.causal = p.boolean("attention.causal", false);
  spec.embedding_scale = p.nonzero_number("embedding_scale", 1.0f);
  set_activation(spec, read_activation(p));
  read_sliding_window(p, {.period = 0}, spec);
  finish_attention(p, loader, spec);
  read_fused_results(p, loader, count_target_layers(p), spec);
  read_block(p, loader, spec);
  spec.prediction.target_width = spec.width;
  spec.unused_tensors.emplace_back("conf_proj");  // how sure the guesses are
  return spec;
}

}  // namespace linnet
