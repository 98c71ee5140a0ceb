#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// LFM2 (https://www.liquid.ai/blog/liquid-foundation-models-v2): short convolutions in the layers
// without KV heads. Its files call the norm before the head token_embd_norm.
ModelSpec read_lfm2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p);
  read_rope(p, loader, RopeLayout::kSplitHalf, spec);
  if (loader.has("token_embd_norm.weight")) spec.norm_names.output = "token_embd_norm";
  const auto kernel = static_cast<int>(p.required_count("shortconv.l_cache", 64));
  if (kernel < 2) p.fail("metadata key shortconv.l_cache is 1, expected at least 2");
  const auto window = static_cast<int>(p.count("attention.sliding_window", 0));
  for (LayerSpec& layer : spec.layers) {
    layer.mlp.scaled = false;
    if (layer.attention.heads > 0) {
      layer.attention.span = window > 0 ? AttentionSpan::kSliding : AttentionSpan::kFull;
      layer.attention.window = window;
      continue;
    }
    layer.recurrent = ShortConvolutionSpec{static_cast<int>(spec.width), kernel};
  }
  return spec;
}

}  // namespace linnet
