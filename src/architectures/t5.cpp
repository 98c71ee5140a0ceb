#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

// T5 (https://arxiv.org/abs/1910.10683) and its relatives (Flan-T5, mT5, UMT5): no positions but
// biases of the scores by distance, and scores that are not scaled.

namespace linnet {
namespace {

constexpr int kReach = 128;  // all larger distances are in the same bucket
constexpr int kMostBuckets = 128;

// Half of the buckets are for one distance each, the others grow with its logarithm up to kReach.
// Section 2.1 describes them; the formula is that of the authors' code (mesh_tensorflow's
// _relative_position_bucket).
int bucket_of(int distance, int buckets) {
  const int exact = buckets / 2;
  if (distance < exact) return distance;
  const float logarithm = std::log(static_cast<float>(distance) / static_cast<float>(exact));
  const double share = logarithm / std::log(static_cast<double>(kReach) / exact);
  return std::min(buckets - 1, exact + static_cast<int>(share * (buckets - exact)));
}

// Of the distances -kReach to kReach from a query to its keys. If keys after the query are seen,
// half of the buckets are theirs.
std::vector<std::int32_t> buckets_of_distances(int count, bool sees_later) {
  std::vector<std::int32_t> buckets;
  const int side = sees_later ? count / 2 : count;
  for (int distance = -kReach; distance <= kReach; ++distance) {
    if (sees_later) {
      buckets.push_back(bucket_of(std::abs(distance), side) + (distance > 0 ? side : 0));
    } else {
      buckets.push_back(bucket_of(std::max(-distance, 0), side));
    }
  }
  return buckets;
}

// The parts of a layer; all layers have the same.
LayerSpec read_layer(Hyperparameters& p, const WeightLoader& loader, const ModelSpec& spec,
                     std::string_view stack, bool sees_later) {
  LayerSpec layer = spec.layers[0];
  layer.attention.scale = 1.0f;
  const int buckets = p.required_count("attention.relative_buckets_count", kMostBuckets);
  if (buckets < 4 || buckets % 4 != 0) {
    p.fail(
        fmt::format("metadata key {}.attention.relative_buckets_count is {}, expected a "
                    "multiple of 4",
                    p.architecture(), buckets));
    return layer;
  }
  layer.attention.distance_bias = {buckets, buckets_of_distances(buckets, sees_later)};
  const std::string bias = fmt::format("{}.0.attn_rel_b.weight", stack);
  if (!loader.has(bias)) p.fail(fmt::format("missing tensor {}", bias));
  const bool has_gate = loader.has(fmt::format("{}.0.ffn_gate.weight", stack));
  layer.mlp.gate.activation = has_gate ? Activation::kGelu : Activation::kRelu;
  return layer;
}

ModelSpec read_encoder_layers(Hyperparameters& p, const WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  if (spec.layers.empty()) return spec;
  std::ranges::fill(spec.layers, read_layer(p, loader, spec, "enc.blk", /*sees_later=*/true));
  return spec;
}

CrossAttentionSpec cross_attention(const AttentionSpec& self, int kv_layer) {
  return {self.heads, self.kv_heads, self.key_width, self.value_width, self.scale, kv_layer};
}

}  // namespace

ModelSpec read_t5_encoder(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_encoder_layers(p, loader);
  make_encoder(spec);
  spec.layer_name = "enc.blk";
  spec.norm_names.output = "enc.output_norm";
  spec.unused_tensors.emplace_back("output.weight");
  return spec;
}

ModelSpec read_t5(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_encoder_layers(p, loader);
  if (spec.layers.empty()) return spec;
  spec.causal = false;
  spec.layer_name = "dec.blk";
  spec.norm_names.output = "dec.output_norm";
  spec.input.layers = static_cast<int>(spec.layers.size());
  spec.input.first_token = p.count("decoder_start_token_id", 0, spec.vocabulary - 1);
  // Of models whose embeddings are the last projection, too, the authors' code scales the logits.
  if (!loader.has("output.weight")) {
    spec.logit_scale = 1.0f / std::sqrt(static_cast<float>(spec.width));
  }
  // Beside the tables in use, some converters write one that the model does not have.
  spec.unused_tensors.emplace_back("*.cross_attn_rel_b.weight");

  const int layers =
      p.count("decoder_block_count", spec.input.layers, Hyperparameters::kMostLayers);
  LayerSpec layer = read_layer(p, loader, spec, "dec.blk", /*sees_later=*/false);
  for (int i = 0; i < layers; ++i) {
    layer.cross = cross_attention(layer.attention, spec.input.layers + layers + i);
    spec.layers.push_back(layer);
  }
  return spec;
}

}  // namespace linnet
