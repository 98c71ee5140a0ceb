#include <cmath>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

float scale_by_width(const ModelSpec& spec, const AttentionSpec& attention) {
  return 1.0f / std::sqrt(static_cast<float>(spec.width) / static_cast<float>(attention.heads));
}

// Old files do not name the base of the sliding layers.
Rope read_sliding_base(Rope rope) {
  rope.base = 10000.0f;
  return rope;
}

}  // namespace

// Gemma (https://arxiv.org/abs/2403.08295).
ModelSpec read_gemma(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.width));
  set_activation(spec, Activation::kGelu);
  return spec;
}

// Gemma 2: sliding windows in every other layer, soft caps, norms on both sides of a block.
ModelSpec read_gemma2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_gemma(p, loader);
  read_sliding_window(p, {.period = 2}, spec);
  const float softcap = p.nonzero_number("attn_logit_softcapping", 50.0f);
  spec.logit_softcap = p.nonzero_number("final_logit_softcapping", 30.0f);
  constexpr std::size_t kLayersOf27B = 46;
  each_attention(spec, [&](AttentionSpec& a) {
    a.softcap = softcap;
    if (spec.layers.size() == kLayersOf27B) a.scale = scale_by_width(spec, a);
  });
  return spec;
}

// Gemma 3: five of six layers slide, with rope of a base of their own.
ModelSpec read_gemma3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_gemma(p, loader);
  read_sliding_window(p, {.period = 6}, spec);
  set_sliding_rope(p, read_sliding_base(read_rope(p, loader, spec)), RopeLayout::kSplitHalf, false,
                   spec);
  spec.logit_softcap = p.number("final_logit_softcapping", 0.0f);
  constexpr std::size_t kLayersOf27B = 62;
  each_attention(spec, [&](AttentionSpec& a) {
    if (spec.layers.size() == kLayersOf27B) a.scale = scale_by_width(spec, a);
  });
  return spec;
}

}  // namespace linnet
