#include "quantize/choose_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "gguf/tensor_names.hpp"

namespace linnet::quantize {
namespace {

using gguf::Tensor;

// Parts of names of matrices that are small, or that a layer's sense hangs on.
constexpr std::string_view kKept[] = {
    "_norm",
    "ffn_gate_inp",
    "position_embd",
    "token_types",
    "conv1d",
    "shortconv.conv.",
    "rel_b",
    "lerp",
    "time_mix_first",
    "time_mix_w",
    "time_mix_a",
    "time_mix_g1",
    "time_mix_g2",
    "time_mix_v0",
    "time_mix_v1",
    "time_mix_v2",
    "time_mix_decay",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "indexer.proj",
    "indexer.q_proj",
    "indexer.k_proj",
    "hc_",
    // Of encoders.
    "sam.pos_embd",
    "sam.neck.",
    "sam.net_",
    ".rel_pos",
    ".patch_embd",
    ".patch_merger",
    "a.rvq.codebook",
    "mm.a.code_embd",
};

// Not so integers and F64, which come as side data.
bool holds_weights(const Format& format) { return format.block_elements > 1 || format.quantize; }

bool is_matrix_of_weights(const Tensor& tensor) {
  const auto stands_in_name = [&](std::string_view part) {
    return tensor.name.find(part) != std::string_view::npos;
  };
  return tensor.dimensions >= 2 && tensor.shape[1] > 1 && tensor.name.ends_with(".weight") &&
         holds_weights(*tensor.format) && std::ranges::none_of(kKept, stands_in_name);
}

// Of blk.N., or of T5's enc.blk.N. and dec.blk.N.
std::optional<int> layer_of(std::string_view name) {
  const bool is_of_t5 = name.starts_with("enc.") || name.starts_with("dec.");
  return gguf::layer_of(is_of_t5 ? name.substr(4) : name);
}

int count_layers(const gguf::File& file) {
  int layers = 0;
  for (const Tensor& tensor : file.tensors()) {
    const auto layer = layer_of(tensor.name);
    if (layer && *layer < static_cast<int>(file.tensors().size())) {
      layers = std::max(layers, *layer + 1);
    }
  }
  return layers;
}

// Of the first layer that has some.
int count_experts(const gguf::File& file) {
  const auto found = std::ranges::find_if(
      file.tensors(), [](const Tensor& tensor) { return tensor.name.ends_with("_exps.weight"); });
  return found == file.tensors().end() ? 0 : static_cast<int>(found->shape[2]);
}

bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  name.remove_prefix(star);
  // The first place where what stands up to the next star fits is as good as any.
  const std::size_t next = rest.find('*');
  if (next == std::string_view::npos) return name.ends_with(rest);
  const std::size_t at = name.find(rest.substr(0, next));
  return at != std::string_view::npos && matches(rest.substr(next), name.substr(at + next));
}

bool can_hold(const Format& format, const Tensor& tensor) {
  return tensor.shape[0] % format.block_elements == 0;
}

// For rows that are no whole number of blocks of 256: the type with blocks of 32 that loses no more
// (docs/quantisation.md), in as few bits as can be.
struct ShorterBlocks {
  TensorType blocks_of_256, blocks_of_32;
};
constexpr ShorterBlocks kShorterBlocks[] = {
    {TensorType::kQ2_K, TensorType::kIQ4_NL},    {TensorType::kQ3_K, TensorType::kIQ4_NL},
    {TensorType::kQ4_K, TensorType::kQ5_0},      {TensorType::kQ5_K, TensorType::kQ5_1},
    {TensorType::kQ6_K, TensorType::kQ8_0},      {TensorType::kIQ4_XS, TensorType::kIQ4_NL},
    {TensorType::kIQ3_S, TensorType::kIQ4_NL},   {TensorType::kIQ3_XXS, TensorType::kIQ4_NL},
    {TensorType::kIQ2_S, TensorType::kIQ4_NL},   {TensorType::kIQ2_XS, TensorType::kIQ4_NL},
    {TensorType::kIQ2_XXS, TensorType::kIQ4_NL}, {TensorType::kIQ1_S, TensorType::kIQ4_NL},
    {TensorType::kIQ1_M, TensorType::kIQ4_NL},   {TensorType::kTQ1_0, TensorType::kQ4_0},
    {TensorType::kTQ2_0, TensorType::kQ4_0},     {TensorType::kQ1_0, TensorType::kQ4_0},
    {TensorType::kQ2_0, TensorType::kQ4_0},
};

const Format* shorter_blocks(const Format& format) {
  const auto* const found =
      std::ranges::find(kShorterBlocks, format.type, &ShorterBlocks::blocks_of_256);
  return found == std::end(kShorterBlocks) ? &format : find_format(found->blocks_of_32);
}

struct UsedName {
  std::string_view part;
  MatrixUse use;
};
constexpr UsedName kUses[] = {
    {"attn_qkv.", MatrixUse::kValues}, {"attn_kv_b.", MatrixUse::kValues},
    {"attn_v.", MatrixUse::kValues},   {"attn_q.", MatrixUse::kQueries},
    {"attn_k.", MatrixUse::kKeys},     {"attn_output.", MatrixUse::kAttentionOutput},
    {"ffn_up", MatrixUse::kUp},        {"ffn_gate", MatrixUse::kUp},
    {"ffn_down", MatrixUse::kDown},
};

MatrixUse use_in_layer(std::string_view name) {
  const auto* const found = std::ranges::find_if(
      kUses, [&](const UsedName& used) { return name.find(used.part) != std::string_view::npos; });
  return found == std::end(kUses) ? MatrixUse::kOther : found->use;
}

// The names of the matrices of values, layer by layer. Not every layer of a hybrid has one.
std::vector<std::string_view> matrices_of_values(const gguf::File& file) {
  std::vector<std::string_view> names;
  for (const Tensor& tensor : file.tensors()) {
    const bool is_one =
        use_in_layer(tensor.name) == MatrixUse::kValues && is_matrix_of_weights(tensor);
    if (is_one && layer_of(tensor.name)) names.push_back(tensor.name);
  }
  std::ranges::stable_sort(names, {}, [](std::string_view name) { return *layer_of(name); });
  return names;
}

class Chooser {
 public:
  Chooser(const gguf::File& file, const TypeMix& mix)
      : mix_(mix),
        layers_(count_layers(file)),
        experts_(count_experts(file)),
        has_head_(file.find_tensor("output.weight") != nullptr),
        values_are_few_(has_few_values(file)),
        values_(matrices_of_values(file)) {}

  const Format* choose(const Tensor& tensor) const {
    if (!is_matrix_of_weights(tensor)) return tensor.format;
    const Format* wanted = mix_.type_of(place_of(tensor));
    for (const Format* format : {wanted, shorter_blocks(*wanted)}) {
      if (can_hold(*format, tensor)) return format;
    }
    return find_format(TensorType::kF16);
  }

 private:
  MatrixPlace place_of(const Tensor& tensor) const {
    MatrixPlace place{.layers = layers_,
                      .experts = experts_,
                      .values_are_few = values_are_few_,
                      .is_of_experts = tensor.name.find("exps.") != std::string::npos};
    if (tensor.name == "output.weight") {
      place.use = MatrixUse::kHead;
    } else if (tensor.name == "token_embd.weight" || tensor.name == "per_layer_token_embd.weight") {
      place.use = has_head_ ? MatrixUse::kEmbedding : MatrixUse::kHead;
    } else if (const auto layer = layer_of(tensor.name)) {
      place.layer = *layer;
      place.use = use_in_layer(tensor.name);
      if (place.use == MatrixUse::kValues) count_values(tensor, place);
    }
    return place;
  }

  // Which of the matrices of values it is counts, not which layer.
  void count_values(const Tensor& tensor, MatrixPlace& place) const {
    place.layer = static_cast<int>(std::ranges::find(values_, tensor.name) - values_.begin());
    place.layers = static_cast<int>(values_.size());
  }

  // Whether precise values cost little.
  static bool has_few_values(const gguf::File& file) {
    const Tensor* queries = nullptr;
    const Tensor* values = nullptr;
    for (const Tensor& tensor : file.tensors()) {
      if (!queries && tensor.name.ends_with(".attn_q.weight")) queries = &tensor;
      if (!values && tensor.name.ends_with(".attn_v.weight")) values = &tensor;
    }
    return queries && values && queries->shape[1] / 4 >= values->shape[1];
  }

  const TypeMix& mix_;
  int layers_;
  int experts_;
  bool has_head_;
  bool values_are_few_;
  std::vector<std::string_view> values_;
};

// Whether a rule for tensors called `pattern` is one for this tensor. A pattern for many is not
// meant for norms, routers and the like, and vectors are no rows of blocks.
bool is_meant(std::string_view pattern, const Tensor& tensor) {
  if (!matches(pattern, tensor.name) || !holds_weights(*tensor.format)) return false;
  const bool is_for_many = pattern.find('*') != std::string_view::npos;
  return is_for_many ? is_matrix_of_weights(tensor) : tensor.dimensions >= 2;
}

}  // namespace

Result<TypeMix> find_types(std::string_view name) {
  const TypeMix mix = find_quantised_mix(name);
  if (mix.most && mix.most->quantize) return mix;
  std::string known = mix_names();
  for (const Format& format : all_formats()) {
    if (format.quantize) known += fmt::format(", {}", format.name);
  }
  return Error{fmt::format("weights can't be written as {}; there are {}", name, known)};
}

Result<Rule> parse_rule(std::string_view text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) {
    return Error{fmt::format("'{}' is no rule, expected PATTERN=TYPE", text)};
  }
  const std::string_view name = text.substr(equals + 1);
  const Format* format = find_format(name);
  if (!format || !format->quantize) {
    return Error{fmt::format("rule '{}': values can't be written as {}", text, name)};
  }
  return Rule{std::string(text.substr(0, equals)), format};
}

Result<std::vector<const Format*>> choose_types(const gguf::File& file, const TypeMix& mix,
                                                std::span<const Rule> rules) {
  if (file.tensors().empty()) {
    return Error{fmt::format("{}: has no tensors that could be converted", file.path().string())};
  }
  const Chooser chooser(file, mix);
  std::vector<const Format*> chosen;
  chosen.reserve(file.tensors().size());
  for (const Tensor& tensor : file.tensors()) chosen.push_back(chooser.choose(tensor));
  for (const Rule& rule : rules) {
    bool is_used = false;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const Tensor& tensor = file.tensors()[i];
      if (!is_meant(rule.pattern, tensor)) continue;
      if (!can_hold(*rule.format, tensor)) {
        return Error{fmt::format(
            "{}: tensor {} has rows of {} values, which {} can't hold: expected a multiple of {}",
            file.path().string(), tensor.name, tensor.shape[0], rule.format->name,
            rule.format->block_elements)};
      }
      chosen[i] = rule.format;
      is_used = true;
    }
    if (!is_used) {
      return Error{
          fmt::format("{}: no matrix of weights is called {}", file.path().string(), rule.pattern)};
    }
  }
  return chosen;
}

}  // namespace linnet::quantize
