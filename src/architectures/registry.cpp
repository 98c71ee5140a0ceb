#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "architectures/architecture.hpp"
#include "architectures/banned_tokens.hpp"
#include "architectures/check_layers.hpp"
#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "base/utf8.hpp"
#include "gguf/tensor_names.hpp"

namespace linnet {
namespace {

struct UnusedTensors {
  Unused part;
  std::vector<std::string> patterns;  // see WeightLoader::ignore
};

std::vector<UnusedTensors> unused_tensors() {
  const auto scales = [](const std::vector<std::string>& projections) {
    std::vector<std::string> patterns;
    patterns.reserve(projections.size());
    for (const std::string& projection : projections) {
      patterns.push_back("*." + projection + ".scale");
    }
    return patterns;
  };
  return {
      {kDenseScales, scales({"ffn_gate", "ffn_up", "ffn_down"})},
      {kGateUpScales, scales({"ffn_gate", "ffn_up"})},
      {kExpertScales,
       scales({"ffn_gate_exps", "ffn_up_exps", "ffn_down_exps", "ffn_gate_up_exps"})},
      {kSharedScales, scales({"ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"})},
      {kQkvScales, scales({"attn_q", "attn_k", "attn_v", "attn_qkv"})},
      {kOutputScale, scales({"attn_output"})},
      {kGateScale, scales({"attn_gate"})},
      {kQkvBias, {"*.attn_q.bias", "*.attn_k.bias", "*.attn_v.bias", "*.attn_qkv.bias"}},
      {kOutputBias, {"*.attn_output.bias"}},
      {kDenseBias, {"*.ffn_gate.bias", "*.ffn_up.bias", "*.ffn_down.bias"}},
      {kHeadBias, {"output.bias"}},
  };
}

constexpr bool kPredicts = true;

constexpr std::array kArchitectures = {
    Architecture{"afmoe", read_afmoe, kDenseScales | kExpertScales | kSharedScales | kGateScale},
    Architecture{"apertus", read_apertus},
    Architecture{"arcee", read_arcee, kDenseScales},
    Architecture{"arctic", read_arctic, kDenseScales | kExpertScales},
    Architecture{"arwkv7", read_arwkv7, kDenseScales},
    Architecture{"baichuan", read_baichuan, kDenseScales},
    Architecture{"bailingmoe", read_adjacent, kExpertScales | kSharedScales},
    Architecture{"bailingmoe2", read_split_half, kDenseScales | kExpertScales | kSharedScales},
    Architecture{"bailingmoe3", read_bailing_moe3, 0, kPredicts},
    Architecture{"bert", read_bert, kDenseScales},
    Architecture{"bitnet", read_split_half},
    Architecture{"bloom", read_bloom, kDenseScales},
    Architecture{"chameleon", read_chameleon, kDenseScales},
    Architecture{"chatglm", read_adjacent, kDenseScales},
    Architecture{"codeshell", read_codeshell, kDenseScales},
    Architecture{"cogvlm", read_cogvlm, kDenseScales | kQkvScales},
    Architecture{"cohere2", read_cohere2},
    Architecture{"cohere2moe", read_cohere2_moe, 0, kPredicts},
    Architecture{"command-r", read_command_r, kDenseScales},
    Architecture{"dbrx", read_dbrx, kExpertScales},
    Architecture{"deci", read_deci, kDenseScales},
    Architecture{"deepseek", read_adjacent, kDenseScales | kExpertScales | kSharedScales},
    Architecture{"deepseek2", read_deepseek2, kDenseScales | kExpertScales | kSharedScales,
                 kPredicts},
    Architecture{"deepseek2-ocr", read_split_half},
    Architecture{"deepseek32", read_deepseek32, 0, kPredicts},
    Architecture{"deepseek4", read_deepseek4, 0, kPredicts},
    Architecture{"dots1", read_split_half, kDenseScales | kExpertScales | kSharedScales},
    Architecture{"dots3note", read_dots3_note, kGateScale},
    Architecture{"dream", read_dream, kDenseScales | kHeadBias},
    Architecture{"ernie4_5", read_adjacent, kDenseScales | kOutputBias},
    Architecture{"ernie4_5-moe", read_adjacent_normalised,
                 kDenseScales | kExpertScales | kOutputBias},
    Architecture{"eurobert", read_eurobert, kDenseScales},
    Architecture{"exaone", read_split_half, kDenseScales},
    Architecture{"exaone-moe", read_exaone_moe, kDenseScales | kExpertScales | kSharedScales},
    Architecture{"exaone4", read_exaone4, kDenseScales},
    Architecture{"falcon", read_falcon, kDenseScales},
    Architecture{"falcon-h1", read_falcon_h1, kDenseScales | kOutputBias},
    Architecture{"gemma", read_gemma, kDenseScales},
    Architecture{"gemma-embedding", read_gemma_embedding, kDenseScales},
    Architecture{"gemma2", read_gemma2, kDenseScales},
    Architecture{"gemma3", read_gemma3, kDenseScales},
    Architecture{"gemma3n", read_gemma3n, kDenseScales},
    Architecture{"gemma4", read_gemma4},
    Architecture{"glm-dsa", read_glm_dsa, 0, kPredicts},
    Architecture{"glm4", read_glm4, kDenseScales},
    Architecture{"glm4moe", read_glm4_moe, kDenseScales | kExpertScales | kSharedScales, kPredicts},
    Architecture{"gpt-oss", read_gpt_oss, kExpertScales},
    Architecture{"gpt2", read_gpt2, kDenseScales},
    Architecture{"gptneox", read_gptneox, kDenseScales},
    Architecture{"granite", read_granite, kDenseScales | kExpertScales},
    Architecture{"granite_swa", read_granite_swa, kDenseScales | kExpertScales | kSharedScales},
    Architecture{"granitehybrid", read_granite_hybrid,
                 kDenseScales | kExpertScales | kSharedScales},
    Architecture{"granitemoe", read_granite, kDenseScales | kExpertScales},
    Architecture{"graniteswitch", read_granite_switch},
    Architecture{"grok", read_grok, kDenseScales | kExpertScales},
    Architecture{"grovemoe", read_grove_moe, kExpertScales},
    Architecture{"hrm_text", read_hrm_text, kDenseScales | kGateScale},
    Architecture{"hunyuan-dense", read_hunyuan_dense, kDenseScales},
    Architecture{"hunyuan-moe", read_norm_after_rope, kExpertScales | kSharedScales},
    Architecture{"hunyuan_vl", read_hunyuan_vl, kDenseScales},
    Architecture{"hy_v3", read_hy_v3, 0, kPredicts},
    Architecture{"hy_v4", read_hy_v4,
                 kDenseScales | kExpertScales | kSharedScales | kOutputScale | kGateScale},
    Architecture{"internlm2", read_adjacent, kDenseScales},
    Architecture{"jais", read_jais, kDenseScales},
    Architecture{"jais2", read_nemotron, kDenseScales},
    Architecture{"jamba", read_jamba, kDenseScales | kExpertScales},
    Architecture{"jina-bert-v2", read_jina_bert_v2, kDenseScales},
    Architecture{"jina-bert-v3", read_jina_bert_v3, kDenseScales},
    Architecture{"kimi-k3", read_kimi_k3},
    Architecture{"kimi-linear", read_kimi_linear,
                 kDenseScales | kExpertScales | kSharedScales | kQkvScales | kQkvBias},
    Architecture{"laguna", read_laguna, kDenseScales | kExpertScales | kSharedScales | kGateScale},
    Architecture{"lfm2", read_lfm2, kDenseScales},
    Architecture{"lfm2moe", read_lfm2, kDenseScales | kExpertScales},
    Architecture{"llada", read_llada, kDenseScales | kOutputBias | kDenseBias},
    Architecture{"llada-moe", read_dream, kExpertScales},
    Architecture{"llama", read_adjacent_normalised},
    Architecture{"llama-embed", read_llama_embed},
    Architecture{"llama4", read_llama4, kDenseScales | kExpertScales | kSharedScales},
    Architecture{"maincoder", read_norm_after_adjacent_rope, kDenseScales},
    Architecture{"mamba", read_mamba},
    Architecture{"mamba2", read_mamba2},
    Architecture{"maple", read_maple, kExpertScales},
    Architecture{"mellum", read_mellum},
    Architecture{"mimo2", read_mimo2, kExpertScales | kQkvScales | kQkvBias, kPredicts},
    Architecture{"minicpm", read_minicpm, kDenseScales | kExpertScales},
    Architecture{"minicpm3", read_minicpm3, kDenseScales},
    Architecture{"minimax-01", read_minimax_01, kExpertScales},
    Architecture{"minimax-m2", read_minimax_m2, kExpertScales | kQkvScales | kQkvBias},
    Architecture{"minimax-m3", read_minimax_m3, kDenseScales | kExpertScales | kSharedScales},
    Architecture{"mistral3", read_mistral3},
    Architecture{"mistral4", read_deepseek2, kDenseScales | kExpertScales | kSharedScales},
    Architecture{"modern-bert", read_modern_bert, kDenseScales},
    Architecture{"mpt", read_mpt, kDenseScales},
    Architecture{"muse-glimmer", read_muse_glimmer},
    Architecture{"nanbeige", read_nanbeige},
    Architecture{"nemotron", read_nemotron, kDenseScales},
    Architecture{"nemotron_h", read_nemotron_h},
    Architecture{"nemotron_h_moe", read_nemotron_h, 0, kPredicts},
    Architecture{"neo-bert", read_neo_bert, kDenseScales},
    Architecture{"nomic-bert", read_nomic_bert, kDenseScales | kDenseBias},
    Architecture{"nomic-bert-moe", read_nomic_bert_moe, kDenseScales | kExpertScales},
    Architecture{"olmo", read_olmo, kDenseScales},
    Architecture{"olmo2", read_olmo2, kDenseScales | kQkvScales | kQkvBias},
    Architecture{"olmoe", read_split_half, kExpertScales | kQkvScales | kQkvBias},
    Architecture{"openelm", read_split_half, kDenseScales | kQkvScales},
    Architecture{"orion", read_orion, kDenseScales},
    Architecture{"paddleocr", read_qwen2_vl, kDenseScales},
    Architecture{"pangu-embedded", read_pangu, kDenseScales},
    Architecture{"phi2", read_phi2, kDenseScales},
    Architecture{"phi3", read_split_half, kDenseScales},
    Architecture{"phimoe", read_split_half_normalised, kExpertScales},
    Architecture{"plamo", read_plamo, kDenseScales},
    Architecture{"plamo2", read_plamo2},
    Architecture{"plamo3", read_plamo3, kDenseScales | kQkvScales},
    Architecture{"plm", read_plm},
    Architecture{"qwen", read_qwen, kDenseScales},
    Architecture{"qwen2", read_split_half, kDenseScales},
    Architecture{"qwen2moe", read_split_half, kExpertScales | kSharedScales},
    Architecture{"qwen2vl", read_qwen2_vl, kDenseScales | kHeadBias},
    Architecture{"qwen3", read_qwen3},
    Architecture{"qwen35", read_qwen35, kQkvBias, kPredicts},
    Architecture{"qwen35moe", read_qwen35, kQkvBias, kPredicts},
    Architecture{"qwen3moe", read_qwen3},
    Architecture{"qwen3next", read_qwen3_next, kQkvBias, kPredicts},
    Architecture{"qwen3vl", read_qwen3_vl, kDenseScales},
    Architecture{"qwen3vlmoe", read_qwen3_vl, kExpertScales},
    Architecture{"qwen4exp", read_qwen4_exp, kQkvBias},
    Architecture{"refact", read_refact, kDenseScales | kOutputBias | kDenseBias},
    Architecture{"rnd1", read_rnd1, kExpertScales},
    Architecture{"rwkv6", read_rwkv6},
    Architecture{"rwkv6qwen2", read_rwkv6_qwen2, kDenseScales},
    Architecture{"rwkv7", read_rwkv7},
    Architecture{"seed_oss", read_late_ffn_norm, kDenseScales},
    Architecture{"smallthinker", read_smallthinker, kExpertScales},
    Architecture{"smollm3", read_smollm3, kDenseScales},
    Architecture{"spark2_5", read_spark25, kDenseScales | kGateScale},
    Architecture{"stablelm", read_stablelm, kDenseScales},
    Architecture{"starcoder", read_gpt2, kDenseScales},
    Architecture{"starcoder2", read_starcoder2, kDenseScales},
    Architecture{"step35", read_step35, kDenseScales | kExpertScales | kSharedScales | kGateScale,
                 kPredicts},
    Architecture{"t5", read_t5},
    Architecture{"t5encoder", read_t5_encoder},
    Architecture{"talkie", read_talkie, kGateUpScales},
    Architecture{"xverse", read_adjacent, kDenseScales},
};

// The architectures that only guess for a model.
constexpr std::array kGuessing = {
    Architecture{"dflash", read_dflash},
    Architecture{"eagle3", read_eagle3},
    Architecture{"gemma4-assistant", read_gemma4_assistant},
};

constexpr auto kDraftModels = [] {
  std::array<Architecture, kArchitectures.size() + kGuessing.size()> all{};
  std::ranges::copy(kGuessing, std::ranges::copy(kArchitectures, all.begin()).out);
  return all;
}();

std::string names_of(std::span<const Architecture> known) {
  std::string names;
  for (const Architecture& architecture : known) {
    names += names.empty() ? "" : ", ";
    names += architecture.name;
  }
  return names;
}

const Architecture* find(const Hyperparameters& hyperparameters,
                         std::span<const Architecture> known) {
  const auto found = std::ranges::find(known, hyperparameters.architecture(), &Architecture::name);
  return found == known.end() ? nullptr : &*found;
}

Result<ModelSpec> read_as(const Architecture& architecture, Hyperparameters& hyperparameters,
                          WeightLoader& loader) {
  ModelSpec spec = architecture.read(hyperparameters, loader);
  check_layers(hyperparameters, spec);
  spec.banned_tokens = read_banned_tokens(hyperparameters, spec.vocabulary);
  if (Status status = hyperparameters.status(); !status) return status.error();
  for (const UnusedTensors& unused : unused_tensors()) {
    if ((architecture.unused & unused.part) == 0) continue;
    spec.unused_tensors.insert(spec.unused_tensors.end(), unused.patterns.begin(),
                               unused.patterns.end());
  }
  return spec;
}

// The first of the layers for multi-token prediction, if the file has that.
std::optional<int> first_prediction_layer(Hyperparameters& p, const WeightLoader& loader) {
  if (p.count("nextn_predict_layers", 0) == 0) return {};
  const int own = own_layers(p);
  const bool has_layer = own > 0 && loader.has(block_name(own, "nextn.eh_proj.weight"));
  return has_layer ? std::optional(own) : std::nullopt;
}

// Whether these are in the file and the model's own are not.
bool has_only_prediction_layers(const gguf::File& file, Hyperparameters& p,
                                const WeightLoader& loader) {
  const auto first = first_prediction_layer(p, loader);
  return first && std::ranges::none_of(file.tensors(), [&](const gguf::Tensor& tensor) {
           return gguf::layer_of(tensor.name).value_or(*first) < *first;
         });
}

// Of all layers of `spec`, those from `first` on that the file has, which are for multi-token
// prediction.
Status leave_prediction_layers(Hyperparameters& p, const WeightLoader& loader, int first,
                               ModelSpec& spec) {
  spec.layers.erase(spec.layers.begin(), spec.layers.begin() + first);
  constexpr int kMostLayers = 16;  // models have one to three
  if (spec.layers.size() > kMostLayers) {
    p.fail(fmt::format("metadata key {}.nextn_predict_layers is {}, expected at most {}",
                       p.architecture(), spec.layers.size(), kMostLayers));
    return p.status();
  }
  spec.first_block = first;
  const auto is_there = [&](std::size_t i) {
    return loader.has(block_name(static_cast<std::int64_t>(first + i), "nextn.eh_proj.weight"));
  };
  std::size_t count = 1;
  while (count < spec.layers.size() && is_there(count)) ++count;
  spec.layers.resize(count);
  spec.prediction.kind = PredictionSpec::Kind::kJoined;
  spec.prediction.target_width = spec.result_columns();
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    if (layer.attention.heads == 0 && layer.latent.heads == 0 && layer.compressed.heads == 0) {
      p.fail(fmt::format("layer {} is for multi-token prediction and has no attention", first + i));
    }
    layer.latent.indexer.kv_layer = static_cast<int>(spec.layers.size() + i);
  }
  return p.status();
}

}  // namespace

std::span<const Architecture> all_architectures() { return kArchitectures; }

std::span<const Architecture> draft_architectures() { return kDraftModels; }

Result<ModelSpec> read_model_spec(const gguf::File& file, WeightLoader& loader,
                                  std::span<const Architecture> known) {
  Hyperparameters hyperparameters(file);
  if (Status status = hyperparameters.status(); !status) return status.error();
  const Architecture* const architecture = find(hyperparameters, known);
  const bool only_guesses = architecture ? has_only_prediction_layers(file, hyperparameters, loader)
                                         : find(hyperparameters, kGuessing) != nullptr;
  if (only_guesses) {
    return Error{
        fmt::format("{}: only guesses tokens for the model that it was trained with, to which "
                    "--draft-model adds it",
                    file.path().string())};
  }
  if (!architecture) {
    return Error{fmt::format("{}: unknown architecture '{}'; the known ones are: {}",
                             file.path().string(), shortened(hyperparameters.architecture()),
                             names_of(known))};
  }
  return read_as(*architecture, hyperparameters, loader);
}

Result<std::optional<ModelSpec>> read_prediction_spec(const gguf::File& file, WeightLoader& loader,
                                                      std::span<const Architecture> known) {
  Hyperparameters hyperparameters(file);
  if (Status status = hyperparameters.status(); !status) return status.error();
  const Architecture* const architecture = find(hyperparameters, known);
  const auto first = first_prediction_layer(hyperparameters, loader);
  if (!architecture || !architecture->predicts || !first) return std::optional<ModelSpec>();
  hyperparameters.include_prediction_layers();
  auto spec = read_as(*architecture, hyperparameters, loader);
  if (!spec) return spec.error();
  if (Status s = leave_prediction_layers(hyperparameters, loader, *first, *spec); !s)
    return s.error();
  return std::optional(std::move(*spec));
}

Result<ModelSpec> read_draft_spec(const gguf::File& file, WeightLoader& loader) {
  Hyperparameters hyperparameters(file);
  if (!hyperparameters.status() || !has_only_prediction_layers(file, hyperparameters, loader)) {
    return read_model_spec(file, loader, kDraftModels);
  }
  auto spec = read_prediction_spec(file, loader, kArchitectures);
  if (!spec) return spec.error();
  if (*spec) return std::move(**spec);
  return Error{
      fmt::format("{}: has only layers for multi-token prediction, which are not known of "
                  "the architecture {}",
                  file.path().string(), shortened(hyperparameters.architecture()))};
}

}  // namespace linnet
