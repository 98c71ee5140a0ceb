#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// PLaMo 2 (https://arxiv.org/abs/2509.04897): Mamba in the layers without KV heads, norms before
// and after each part.
ModelSpec read_plamo2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_rope_for_all(p, loader, RopeLayout::kSplitHalf, spec);
  for (LayerSpec& layer : spec.layers) {
    if (drop_attention_without_keys(layer)) layer.recurrent = read_plamo_mamba_sizes(p, spec.width);
  }
  leave_out(
      {".attn_qkv.scale", ".ffn_up.scale", ".ffn_down.scale", ".ssm_in.scale", ".ssm_out.scale"},
      spec);
  return spec;
}

}  // namespace linnet
