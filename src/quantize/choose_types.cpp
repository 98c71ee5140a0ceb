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
    "_norm",          "ffn_gate_inp", "position_embd", "token_types",
    "conv1d",         "shortconv",    "rel_b",         "lerp",
    "time_mix_first", "time_mix_w",   "time_mix_a",    "time_mix_g1",
    "time_mix_g2",    "time_mix_v0",  "time_mix_v1",   "time_mix_v2",
    "time_mix_decay", "altup",        "laurel",        "per_layer_model_proj",
    "ssm_a",          "ssm_d",        "indexer.proj",  "hc_",
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

int count_layers(const gguf::File& file) {
  int layers = 0;
  for (const Tensor& tensor : file.tensors()) {
    const auto layer = gguf::layer_of(tensor.name);
    if (layer && *layer < static_cast<int>(file.tensors().size())) {
      layers = std::max(layers, *layer + 1);
    }
  }
  return layers;
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

// Of a value.
double bits(const Format& format) {
  return 8.0 * static_cast<double>(format.block_bytes) / static_cast<double>(format.block_elements);
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
    {TensorType::kQ2_K, TensorType::kIQ4_NL},  {TensorType::kQ3_K, TensorType::kIQ4_NL},
    {TensorType::kQ4_K, TensorType::kQ5_0},    {TensorType::kQ5_K, TensorType::kQ5_1},
    {TensorType::kQ6_K, TensorType::kQ8_0},    {TensorType::kIQ4_XS, TensorType::kIQ4_NL},
    {TensorType::kIQ3_S, TensorType::kIQ4_NL}, {TensorType::kIQ2_S, TensorType::kIQ4_NL},
};

const Format* shorter_blocks(const Format& format) {
  const auto* const found =
      std::ranges::find(kShorterBlocks, format.type, &ShorterBlocks::blocks_of_256);
  return found == std::end(kShorterBlocks) ? &format : find_format(found->blocks_of_32);
}

class Chooser {
 public:
  Chooser(const gguf::File& file, const TypeMix& mix)
      : mix_(mix),
        layers_(count_layers(file)),
        head_(file.find_tensor("output.weight") ? "output.weight" : "token_embd.weight") {}

  const Format* choose(const Tensor& tensor) const {
    if (!is_matrix_of_weights(tensor)) return tensor.format;
    const Format* wanted = tensor.name == head_        ? mix_.head
                           : is_sensitive(tensor.name) ? mix_.sensitive
                                                       : mix_.most;
    for (const Format* format : {wanted, shorter_blocks(*wanted)}) {
      if (can_hold(*format, tensor)) return format;
    }
    return find_format(TensorType::kF16);
  }

 private:
  bool is_sensitive(std::string_view name) const {
    const auto layer = gguf::layer_of(name);
    return layer && is_sensitive_layer(*layer, layers_) &&
           (name.find("attn_v.") != std::string_view::npos ||
            name.find("ffn_down") != std::string_view::npos);
  }

  const TypeMix& mix_;
  int layers_;
  std::string_view head_;
};

}  // namespace

Result<TypeMix> find_types(std::string_view name) {
  const Format* const precise = find_format(TensorType::kQ6_K);
  TypeMix mix = find_type_mix(name);
  if (mix.most && mix.most->quantize) {
    if (bits(*mix.head) < bits(*precise)) mix.head = precise;
    return mix;
  }
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
      if (!matches(rule.pattern, tensor.name) || !holds_weights(*tensor.format)) continue;
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
          fmt::format("{}: no tensor of weights is called {}", file.path().string(), rule.pattern)};
    }
  }
  return chosen;
}

}  // namespace linnet::quantize
