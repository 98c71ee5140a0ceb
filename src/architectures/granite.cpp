#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

namespace {

// Before which layers more columns of given rows are added, for each layer the number of these
// columns; 0 are the embeddings, and -1 none.
void read_deepstack(Hyperparameters& p, ModelSpec& spec) {
  constexpr std::string_view kKey = "deepstack_mapping";
  const std::string key = fmt::format("{}.{}", p.architecture(), kKey);
  const auto mapping = p.file().array(key);
  if (!mapping || !*mapping) return;
  const auto count = std::min<std::int64_t>((*mapping)->size(), std::ssize(spec.layers));
  if (!(*mapping)->is_integer()) return p.fail(fmt::format("metadata key {} has no integers", key));
  std::map<std::int64_t, int> behind;  // by number
  for (std::int64_t i = 1; i < count; ++i) {
    const std::int64_t number = (*mapping)->integer(static_cast<std::size_t>(i));
    if (number > 0 && !behind.emplace(number, static_cast<int>(i - 1)).second) {
      return p.fail(fmt::format("metadata key {} has {} twice", key, number));
    }
  }
  for (const auto& [number, layer] : behind) {
    if (number != std::ssize(spec.deepstack_behind) + 1) {
      return p.fail(
          fmt::format("metadata key {} has {}, expected numbers without gaps", key, number));
    }
    spec.deepstack_behind.push_back(layer);
  }
  spec.deepstack_layers = static_cast<int>(behind.size());
}

ModelSpec read_scaled(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent_normalised(p, loader);
  spec.embedding_scale = p.nonzero_number("embedding_scale", 1.0f);
  spec.residual.scale = p.nonzero_number("residual_scale", 1.0f);
  spec.logit_scale = 1.0f / p.nonzero_number("logit_scale", 1.0f);
  read_deepstack(p, spec);
  spec.scales_given = spec.deepstack_layers == 0;
  return spec;
}

}  // namespace

// Granite: four scales; rope only if the file says so.
ModelSpec read_granite(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_scaled(p, loader);
  if (!p.boolean("rope.scaling.finetuned", true)) {
    each_attention(spec, [](AttentionSpec& a) { a.rope = {}; });
  }
  return spec;
}

// Granite with sliding layers and sinks; the file says which layers have rope. Gate and up of the
// shared expert are one tensor.
ModelSpec read_granite_swa(Hyperparameters& p, WeightLoader& loader) {
  constexpr std::string_view kRopePattern = "attention.rope_pattern";
  ModelSpec spec = read_scaled(p, loader);
  read_sliding_window(p, {.period = 4, .full_first = true}, spec);
  const bool has_pattern = p.has_array(kRopePattern);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LayerSpec& layer = spec.layers[i];
    if (has_pattern && p.layer_count(kRopePattern, i, 0) == 0) layer.attention.rope = {};
    if (layer.shared.width == 0) continue;
    layer.shared.width =
        p.required_count("expert_shared_feed_forward_length", Hyperparameters::kWidest);
  }
  return spec;
}

// Granite Switch: Granite with adapters that tokens of the text switch on.
ModelSpec read_granite_switch(Hyperparameters& p, WeightLoader& loader) {
  constexpr std::int64_t kMostAdapters = 1 << 10, kHighestRank = 1 << 12;
  constexpr float kGain = 15.0f;
  ModelSpec spec = read_granite(p, loader);
  const int count = p.required_count("adapters.count", kMostAdapters);
  AdaptersSpec& adapters = spec.adapters;
  adapters.rank = p.required_count("adapters.lora_rank", kHighestRank);
  adapters.gain = p.number("adapters.router_gain", kGain);
  const auto read_ids = [&](std::string_view key, std::vector<TokenId>& ids) {
    const auto numbers = p.elements(key, count, spec.vocabulary - 1);
    ids.assign(numbers.begin(), numbers.end());
  };
  read_ids("adapters.token_ids_activate", adapters.tokens);
  read_ids("adapters.token_ids_substitute", adapters.substitutes);
  adapters.kv_layer = static_cast<int>(spec.layers.size());
  return spec;
}

// MiniCPM (https://arxiv.org/abs/2404.06395): the scales of maximal update parametrisation, which
// old files lack.
ModelSpec read_minicpm(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent_normalised(p, loader);
  const auto layers = static_cast<float>(spec.layers.size());
  const float width = static_cast<float>(spec.width);
  spec.embedding_scale = p.nonzero_number("embedding_scale", 12.0f);
  spec.residual.scale = p.nonzero_number("residual_scale", 1.4f / std::sqrt(layers));
  spec.logit_scale = 1.0f / p.nonzero_number("logit_scale", width / 256.0f);
  return spec;
}

ModelSpec read_minicpm3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_latent_attention(p, loader, RopeLayout::kSplitHalf, spec);
  spec.embedding_scale = 12.0f;
  spec.residual.scale = 1.4f / std::sqrt(static_cast<float>(spec.layers.size()));
  spec.logit_scale = 256.0f / static_cast<float>(spec.width);
  return spec;
}

}  // namespace linnet
