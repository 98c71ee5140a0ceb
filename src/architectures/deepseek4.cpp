#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

constexpr int kOverlappingStride = 4;  // of compressed keys that an indexer picks from
constexpr int kLongStride = 128;

// Only layers with compressed keys have positions scaled, and neither has another magnitude.
RopeSpec read_layer_rope(Hyperparameters& p, bool is_compressed, int dims, int head_width) {
  Rope rope;
  rope.dims = dims;
  if (is_compressed) rope.scaling = read_rope_scaling(p);
  rope.base = p.positive_number(
      is_compressed ? "attention.compress_rope_freq_base" : "rope.freq_base", rope.base);
  RopeSpec spec = make_rope(p, rope, RopeLayout::kAdjacent, head_width);
  spec.first = head_width - dims;
  spec.magnitude = 1.0f;
  return spec;
}

RopeSpec reversed(RopeSpec rope) {
  for (float& frequency : rope.inverse_frequencies) frequency = -frequency;
  return rope;
}

IndexerSpec read_indexer(Hyperparameters& p, int rope_dims) {
  IndexerSpec indexer = read_indexer_sizes(p);
  indexer.rope = read_layer_rope(p, /*is_compressed=*/true, rope_dims, indexer.width);
  return indexer;
}

CompressedAttentionSpec read_compressed_attention(Hyperparameters& p, const AttentionSpec& common,
                                                  int layer, int layers) {
  CompressedAttentionSpec spec;
  spec.heads = common.heads;
  spec.head_width = common.key_width;
  spec.query_rank = p.required_count("attention.q_lora_rank", Hyperparameters::kWidest);
  spec.window = p.required_count("attention.sliding_window");
  spec.output_groups = p.required_count("attention.output_group_count", spec.heads);
  spec.output_rank =
      p.required_count("attention.output_lora_rank", Hyperparameters::kWidest / spec.output_groups);
  if (spec.heads % spec.output_groups != 0) {
    p.fail(
        fmt::format("layer {} has {} heads (attention.head_count), expected a multiple of the {} "
                    "groups (attention.output_group_count)",
                    layer, spec.heads, spec.output_groups));
  }
  spec.stride = p.layer_count("attention.compress_ratios", layer, 0, kLongStride);
  if (spec.stride != 0 && spec.stride != kOverlappingStride && spec.stride != kLongStride) {
    p.fail(fmt::format(
        "metadata key {}.attention.compress_ratios is {} for layer {}, expected 0, {} or {}",
        p.architecture(), spec.stride, layer, kOverlappingStride, kLongStride));
  }
  const int dims = p.count("rope.dimension_count", spec.head_width, Hyperparameters::kWidestHead);
  spec.rope = read_layer_rope(p, spec.stride > 0, dims, spec.head_width);
  spec.reverse_rope = reversed(spec.rope);
  spec.kv_layer = layers + 2 * layer;
  if (spec.stride != kOverlappingStride) return spec;
  spec.overlaps = true;
  spec.indexer = read_indexer(p, dims);
  spec.indexer.kv_layer = spec.kv_layer + 1;
  return spec;
}

HyperConnectionSpec read_hyper_connection(Hyperparameters& p) {
  constexpr std::int64_t kMostIterations = 1000;
  HyperConnectionSpec spec;
  spec.streams = p.required_count("hyper_connection.count", kMostStreams);
  spec.iterations = p.required_count("hyper_connection.sinkhorn_iterations", kMostIterations);
  spec.epsilon = p.positive_number("hyper_connection.epsilon", 0.0f);
  return spec;
}

void read_gates(Hyperparameters& p, int layer, LayerSpec& spec) {
  constexpr std::string_view kExperts = "swiglu_clamp_exp", kShared = "swiglu_clamp_shexp";
  const auto read = [&](std::string_view key, GateSpec& gate) {
    gate.clamp = p.layer_number(key, layer, 0.0f);
    gate.clamps_before = true;
    if (gate.clamp >= 0.0f) return;
    p.fail(fmt::format("metadata key {}.{} is {} for layer {}, expected 0 and more",
                       p.architecture(), key, gate.clamp, layer));
  };
  read(kExperts, spec.moe.gate);
  read(p.has(kShared) ? kShared : kExperts, spec.shared.gate);
}

// Early files say that they have layers for multi-token prediction, but neither have nor count
// them.
void look_for_prediction_layers(Hyperparameters& p, const WeightLoader& loader) {
  if (!loader.has(block_name(own_layers(p), "nextn.eh_proj.weight"))) p.leave_out_predictions();
}

// They read all streams of the model's last layer, and attend to the window alone.
void finish_prediction_layers(Hyperparameters& p, int first, ModelSpec& spec) {
  predict_before_last_norm(p, spec);
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const int stride = spec.layers[i].compressed.stride;
    if (std::cmp_less(i, first)) {
      spec.layers[i] = spec.layers[static_cast<std::size_t>(first)];
    } else if (stride > 0) {
      p.fail(
          fmt::format("metadata key {}.attention.compress_ratios is {} for layer {}, which is "
                      "for multi-token prediction, expected 0",
                      p.architecture(), stride, i));
    }
  }
}

}  // namespace

// DeepSeek-V4 (https://huggingface.co/deepseek-ai/DeepSeek-V4-Flash): several residual streams,
// attention to a window and to compressed keys, experts named by the token in the first layers.
ModelSpec read_deepseek4(Hyperparameters& p, WeightLoader& loader) {
  look_for_prediction_layers(p, loader);
  ModelSpec spec = read_common(p, loader);
  spec.unused_tensors.emplace_back("*.exp_probs_b_vl.bias");  // of experts for pictures
  require_keys(p, {"attention.compress_ratios", "attention.compress_rope_freq_base",
                   "hash_layer_count", "hyper_connection.epsilon", "expert_weights_norm",
                   "expert_weights_scale", "swiglu_clamp_exp"});
  spec.residual.hyper_connection = read_hyper_connection(p);
  const std::int64_t hash_layers = p.count("hash_layer_count", 0);
  const int layers = static_cast<int>(spec.layers.size());
  // The model's own layers, which are left out then, may be in another file.
  const int first = p.includes_prediction_layers() ? own_layers(p) : 0;
  for (int i = first; i < layers; ++i) {
    LayerSpec& layer = spec.layers[i];
    const AttentionSpec common = std::exchange(layer.attention, {});
    if (common.heads == 0 || common.value_width != common.key_width || layer.moe.experts == 0) {
      p.fail(fmt::format(
          "layer {} has {} heads with keys of {} and values of {} columns and {} experts, expected "
          "heads with keys and values alike, and experts",
          i, common.heads, common.key_width, common.value_width, layer.moe.experts));
      return spec;
    }
    layer.compressed = read_compressed_attention(p, common, i, layers);
    if (layer.moe.route.gate != GateFunction::kSquareRootOfSoftplus) {
      p.fail(fmt::format("metadata key {}.expert_gating_func must be 4", p.architecture()));
    }
    const bool has_table = loader.has(block_name(i, "ffn_gate_tid2eid.weight"));
    if (i < hash_layers || has_table) layer.moe.hash_routed_tokens = spec.vocabulary;
    read_gates(p, i, layer);
  }
  if (p.includes_prediction_layers()) finish_prediction_layers(p, first, spec);
  return spec;
}

}  // namespace linnet
