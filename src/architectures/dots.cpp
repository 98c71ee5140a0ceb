#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/sparse_latent.hpp"

namespace linnet {

// dots3-note: full layers, which see what their indexers pick, and sliding ones with other heads,
// all of latent attention; the rotary key has a norm, heads have gates.
ModelSpec read_dots3_note(Hyperparameters& p, WeightLoader& loader) {
  constexpr auto kWidest = Hyperparameters::kWidestHead;
  ModelSpec spec = read_common(p, loader);
  require_keys(
      p, {"attention.sliding_window", "attention.sliding_window_pattern", "expert_gating_func"});
  read_sliding_window(p, {}, spec);
  read_latent_attention(p, loader, RopeLayout::kAdjacent, spec);
  const IndexerSpec sizes = read_indexer_sizes(p);
  const auto width = [&](std::string_view key) { return p.required_count(key, kWidest); };
  const int sliding_latent = width("attention.kv_lora_rank_swa");
  const int sliding_key = width("attention.key_length_mla_swa");
  const int sliding_value = width("attention.value_length_mla_swa");
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LatentAttentionSpec& latent = spec.layers[i].latent;
    if (latent.window == 0) continue;
    latent.latent_width = sliding_latent;
    latent.plain_width = sliding_key - latent.rope_width;
    latent.value_width = sliding_value;
    if (latent.plain_width < 0) fail_rope(p, latent.rope_width, sliding_key);
  }
  read_unscaled_positions(p, loader, spec);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LatentAttentionSpec& latent = spec.layers[i].latent;
    if (latent.window > 0) continue;
    latent.indexer = make_latent_indexer(p, sizes, spec, i);
    latent.indexer.rope.layout = RopeLayout::kSplitHalf;
  }
  return spec;
}

}  // namespace linnet
