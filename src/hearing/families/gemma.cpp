#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

#include "hearing/families/common.hpp"
#include "hearing/families/families.hpp"

namespace linnet {
namespace {

constexpr float kEpsilon = 1e-6f;
constexpr std::string_view kBefore = "<|audio>", kAfter = "<audio|>";

}  // namespace

// Gemma 4: Conformers whose rows see the 12 last ones, themselves among them.
HearingSpec read_gemma4_hearing(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kWindow = 12, kTaps = 5;
  constexpr float kCap = 50.0f;
  HearingSpec spec = read_common_hearing(p, loader);
  spec.mel = universal_mel(spec.mel.bins);
  spec.chunk_frames = 3000;
  for (const char* const name : {"a.conv1d.0", "a.conv1d.1"}) {
    spec.stem.steps.push_back({.name = name,
                               .stride = 2,
                               .norm = std::string(name) + ".norm",
                               .activation = Activation::kRelu});
  }
  spec.stem.joined = "a.input_projection";
  size_stem(loader, spec);
  spec.tower.norm = NormKind::kRms;
  spec.tower.norm_epsilon = kEpsilon;
  spec.tower.causal = true;
  const auto head = static_cast<float>(spec.tower.layers.front().attention.key_width);
  for (LayerSpec& layer : spec.tower.layers) {
    layer.mlp.gate.activation = Activation::kSilu;
    layer.attention.scale = 1.0f;
    layer.attention.softcap = kCap;
    layer.attention.span = AttentionSpan::kSliding;
    layer.attention.window = kWindow;
  }
  // The names of both norms of the convolution are exchanged in the files.
  spec.conformer = {.waves = ConformerSpec::Waves::kApart,
                    .distances = "attn_k_rel",
                    .query_factors = "per_dim_scale",
                    .key_factors = "per_dim_k_scale",
                    .before_attention = "attn_pre_norm",
                    .before_convolution = "conv_norm",
                    .behind_convolution = "norm_conv",
                    .behind_convolution_kind = NormKind::kRms,
                    .taps = kTaps,
                    .is_causal = true,
                    .query_scale = 1.0f / (std::sqrt(head) * std::numbers::ln2_v<float>),
                    .key_scale = std::log1p(std::numbers::e_v<float>) / std::numbers::ln2_v<float>};
  check_conformer(p, spec);
  spec.projector_steps = {linear("a.pre_encode.out"),
                          norm("mm.a.soft_emb_norm", NormKind::kRms, kEpsilon),
                          linear("mm.a.input_projection")};
  spec.before = kBefore;
  spec.after = kAfter;
  return spec;
}

// Gemma 4 with one encoder for all (12B): samples go to the text model as they are, so many in a
// row as its projection has inputs (640: 40 ms), without a tower between.
HearingSpec read_gemma4_unified_hearing(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kMostSamples = 16000;
  const std::string projection = "mm.a.input_projection";
  const std::int64_t columns = loader.columns(projection);
  if (columns < 1 || columns > kMostSamples) {
    p.fail(fmt::format("tensor {}.weight has {} columns, expected 1 to {}", projection, columns,
                       kMostSamples));
  }
  HearingSpec spec;
  spec.mel = plain_samples(static_cast<int>(std::clamp<std::int64_t>(columns, 1, kMostSamples)));
  spec.chunk_frames = 750;
  spec.stem.bins_are_columns = true;
  spec.tower.architecture = p.architecture();
  spec.tower.width = spec.mel.bins;
  spec.projector_steps = {norm("", NormKind::kRms, kEpsilon), linear(projection)};
  spec.before = kBefore;
  spec.after = kAfter;
  return spec;
}

}  // namespace linnet
