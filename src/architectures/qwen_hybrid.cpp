#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {
namespace {

// Gated delta nets in the recurrent layers, attention with output gates in the others.
ModelSpec read_with_delta_nets(Hyperparameters& p, WeightLoader& loader, KeySharing sharing) {
  ModelSpec spec = read_common(p, loader);
  read_rope_for_all(p, loader, RopeLayout::kSplitHalf, spec);
  spec.norm_names.mixer_post = "";
  spec.norm_names.ffn = "post_attention_norm";
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    if (!is_recurrent_layer(p, i)) continue;
    spec.layers[i].attention = {};
    spec.layers[i].recurrent = read_delta_net_sizes(p, sharing);
  }
  normalise_expert_weights(spec);
  return spec;
}

}  // namespace

// Qwen3-Next (https://qwen.ai/blog?id=4074cca80393150c248e508aa62983f9cb7d27cd).
ModelSpec read_qwen3_next(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_with_delta_nets(p, loader, KeySharing::kBlocks);
  leave_out({".attn_qkv.scale", ".attn_gate.scale", ".ssm_out.scale"}, spec);
  return spec;
}

// Qwen 3.5, with and without experts. Its files have the heads in an order in which those that
// share a key are apart.
ModelSpec read_qwen35(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_with_delta_nets(p, loader, KeySharing::kCyclic);
  place_ropes(p, SectionOrder::kInterleaved, spec);
  return spec;
}

}  // namespace linnet
