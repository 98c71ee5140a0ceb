#include "hearing/families/common.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet {
namespace {

constexpr std::int64_t kMostBins = 1024;
constexpr std::int64_t kFewestRows = 8, kMostRows = 1500;  // of half a minute

}  // namespace

HearingSpec read_whisper(Hyperparameters& p, const WeightLoader& loader) {
  HearingSpec spec;
  if (auto name = p.file().string("general.name"); name && *name) spec.name = **name;
  spec.tower = read_tower(p, loader, {"audio", "a.blk"});
  for (LayerSpec& layer : spec.tower.layers) layer.mlp.gate.activation = Activation::kGeluErf;
  spec.tower.output_norm = NormUse::kNone;
  spec.mel_bins = p.required_count("audio.num_mel_bins", kMostBins);
  const std::int64_t places = loader.rows("a.position_embd");
  if (places < kFewestRows) {
    p.fail(
        fmt::format("a sound has places for {} rows, expected at least {}", places, kFewestRows));
  }
  spec.chunk_frames = 2 * std::clamp(places, kFewestRows, kMostRows);
  return spec;
}

ProjectorStep whisper_norm(const HearingSpec& spec) {
  return norm("a.post_ln", NormKind::kLayer, spec.tower.norm_epsilon);
}

int read_stack_factor(Hyperparameters& p) {
  constexpr std::int64_t kMostRows = 64;
  return p.required_count("audio.projector.stack_factor", kMostRows);
}

}  // namespace linnet
