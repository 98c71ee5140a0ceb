#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// A pre-norm decoder with gated feed-forward parts or experts and rope: what most models are.
ModelSpec read_adjacent(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_rope_for_all(p, loader, RopeLayout::kAdjacent, spec);
  return spec;
}

ModelSpec read_split_half(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_rope_for_all(p, loader, RopeLayout::kSplitHalf, spec);
  return spec;
}

ModelSpec read_orion(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  use_layer_norms(p, spec);
  return spec;
}

// Pangu: as above, without the factors of the frequencies.
ModelSpec read_pangu(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_rope_for_all(p, loader, RopeLayout::kSplitHalf, spec, RopeFactors::kUnused);
  return spec;
}

// The weights of the used experts sum to one, whatever the file says.
ModelSpec read_adjacent_normalised(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  normalise_expert_weights(spec);
  return spec;
}

ModelSpec read_split_half_normalised(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  normalise_expert_weights(spec);
  return spec;
}

// QK-norm comes after rope.
ModelSpec read_norm_after_rope(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  each_attention(spec, [](AttentionSpec& a) { a.norm_after_rope = true; });
  return spec;
}

ModelSpec read_norm_after_adjacent_rope(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  each_attention(spec, [](AttentionSpec& a) { a.norm_after_rope = true; });
  return spec;
}

// PLaMo 3: seven of eight layers slide, with rope of a base of their own.
ModelSpec read_plamo3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  read_sliding_window(p, {.period = 8}, spec);
  const Rope rope = with_usual_base(read_rope(p, loader, spec));
  set_sliding_rope(p, rope, RopeLayout::kSplitHalf, false, spec);
  return spec;
}

// The norm before the feed-forward part is called post_attention_norm.
ModelSpec read_late_ffn_norm(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  spec.norm_names.ffn = "post_attention_norm";
  spec.norm_names.mixer_post = "";
  return spec;
}

}  // namespace linnet
