#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/sparse_latent.hpp"

namespace linnet {

// Hunyuan, the dense ones: rope of a base that grows with `rope.scaling.alpha`.
ModelSpec read_hunyuan_dense(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_norm_after_rope(p, loader);
  const double alpha = p.positive_number("rope.scaling.alpha", 0.0f);
  Rope rope = read_rope(p, loader, spec);
  if (alpha > 0.0 && rope.dims > 2) {
    rope.base *= static_cast<float>(std::pow(alpha, rope.dims / (rope.dims - 2.0)));
    each_attention(spec, [&](AttentionSpec& a) { set_rope(p, rope, RopeLayout::kSplitHalf, a); });
  }
  return spec;
}

// Hunyuan-VL and HunyuanOCR: sections of the rope go by time, width, height and the number of a
// picture.
ModelSpec read_hunyuan_vl(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_hunyuan_dense(p, loader);
  place_ropes(p, SectionOrder::kBlocks, spec);
  return spec;
}

// Hunyuan 3.
ModelSpec read_hy_v3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  default_gate(p, GateFunction::kSigmoid, spec);
  ignore_unused_dense(spec);
  return spec;
}

namespace {

HyperConnectionSpec read_streams(Hyperparameters& p) {
  HyperConnectionSpec spec;
  spec.streams = p.required_count("hyper_connection.count", kMostStreams);
  spec.epsilon = p.positive_number("hyper_connection.epsilon", 0.0f);
  spec.magnitude = p.positive_number("hyper_connection.magnitude", 0.0f);
  if (spec.magnitude == 0.0f) {
    p.fail(fmt::format("metadata key {}.hyper_connection.magnitude is missing or 0",
                       p.architecture()));
  }
  return spec;
}

// Turned columns are a head's last ones, as in the keys. Layers without an indexer use what the one
// before them picked.
void add_indexers(Hyperparameters& p, ModelSpec& spec) {
  if (p.count("attention.indexer.top_k", 0) == 0) return;  // all keys are seen
  const IndexerSpec sizes = read_indexer_sizes(p);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    IndexerSpec indexer = make_latent_indexer(p, sizes, spec, i);
    indexer.rope.first = indexer.width - indexer.rope.dims;
    indexer.key_norm_epsilon = spec.norm_epsilon;
    indexer.reused = p.layer_count("attention.indexer.types", i, 0) == 0;
    spec.layers[i].latent.indexer = indexer;
  }
}

}  // namespace

// Hunyuan 4 (https://huggingface.co/tencent/Hy4-preview): residual streams that don't mix, gates
// and sinks in latent attention, some layers of which may pick the keys for those after them.
ModelSpec read_hy_v4(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  require_keys(p, {"hyper_connection.epsilon"});
  spec.residual.hyper_connection = read_streams(p);
  read_latent_attention(p, loader, RopeLayout::kAdjacent, spec);
  read_unscaled_positions(p, loader, spec);
  add_indexers(p, spec);
  default_gate(p, GateFunction::kSigmoid, spec);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    GateSpec& gate = spec.layers[i].moe.gate;
    gate.clamp = std::max(0.0f, p.layer_number("swiglu_clamp_exp", i, 0.0f));
    gate.clamps_before = true;
  }
  return spec;
}

}  // namespace linnet
