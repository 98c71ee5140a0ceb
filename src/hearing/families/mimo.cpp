#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hearing/families/common.hpp"
#include "hearing/families/families.hpp"

namespace linnet {
namespace {

constexpr std::string_view kLocalLayers = "mm.a.local_blk";

// All columns of a head rotate.
void turn_heads(AttentionSpec& attention, double base) {
  RopeSpec& rope = attention.rope;
  rope.layout = RopeLayout::kSplitHalf;
  rope.dims = attention.key_width / 2 * 2;
  rope.inverse_frequencies.clear();
  for (int i = 0; i < rope.dims; i += 2) {
    rope.inverse_frequencies.push_back(
        static_cast<float>(std::pow(base, -static_cast<double>(i) / rope.dims)));
  }
}

// Rows see no later ones, and in some layers only the last ones of those before.
void read_windows(Hyperparameters& p, ModelSpec& tower) {
  constexpr const char* kKey = "clip.audio.wa_pattern_mode";
  const int before = p.required_count("audio.window_size");
  const auto pattern = p.file().array(kKey);
  if (!pattern || !*pattern || !(*pattern)->is_integer() ||
      (*pattern)->size() != tower.layers.size()) {
    p.fail(fmt::format("metadata key {}, expected an array of {} integers, one for each layer",
                       kKey, tower.layers.size()));
    return;
  }
  tower.causal = true;
  for (std::size_t i = 0; i < tower.layers.size(); ++i) {
    if ((*pattern)->integer(i) == -1) continue;
    tower.layers[i].attention.span = AttentionSpan::kSliding;
    tower.layers[i].attention.window = std::min(before, (1 << 20)) + 1;
  }
}

std::vector<int> read_book_sizes(Hyperparameters& p) {
  constexpr std::size_t kMostBooks = 256;
  constexpr const char* kKey = "audio.rvq.codebook_size";
  const std::vector<std::int64_t> sizes = read_counts(p, kKey, kMostBooks);
  if (sizes.empty()) p.fail(fmt::format("metadata key clip.{} has no sizes of books", kKey));
  return {sizes.begin(), sizes.end()};
}

// What reads the codes of a sound, four by four: a part of the text model in MiMo's own code.
GroupSpec read_groups(Hyperparameters& p, const WeightLoader& loader, const HearingSpec& spec) {
  constexpr std::int64_t kMostRows = 256;
  constexpr double kBase = 640000.0;
  constexpr float kEpsilon = 1e-6f;
  GroupSpec groups;
  groups.rows = p.required_count("audio.local_group_size", kMostRows);
  ModelSpec& tower = groups.tower = spec.tower;
  const std::int64_t layers =
      p.required_count("audio.local_block_count", Hyperparameters::kMostLayers);
  LayerSpec layer = spec.tower.layers.front();
  layer.mlp.exchanged_names = false;
  layer.mlp.width = static_cast<int>(std::clamp<std::int64_t>(
      loader.rows(std::string(kLocalLayers).append(".0.ffn_up")), 1, Hyperparameters::kWidest));
  layer.mlp.gate.activation = Activation::kSilu;
  turn_heads(layer.attention, kBase);
  tower.layers.assign(static_cast<std::size_t>(layers), layer);
  tower.layer_name = kLocalLayers;
  tower.norm = NormKind::kRms;
  tower.norm_epsilon = tower.post_norm_epsilon = kEpsilon;
  groups.steps = {whisper_norm(spec),
                  join_runs(2),
                  linear("a.downsample.conv", ProjectorStep::Weights::kConvolution),
                  activate(Activation::kGeluErf),
                  norm("a.downsample.norm", NormKind::kLayer, spec.tower.norm_epsilon),
                  quantise("a.rvq.codebook", "mm.a.code_embd", read_book_sizes(p))};
  return groups;
}

}  // namespace

// MiMo-V2.5: the encoder of MiMo-Audio's tokenizer, at 24,000 samples a second, whose rows become
// codes; what stands for these is read in groups by a small tower, and a group becomes a row.
HearingSpec read_mimo_hearing(Hyperparameters& p, const WeightLoader& loader) {
  using Step = StemSpec::Step;
  constexpr int kSkipping = 2;  // the layer whose rows are added to the last one's
  constexpr double kBase = 10000.0;
  HearingSpec spec = read_common_hearing(p, loader);
  const std::int64_t width = spec.tower.width;
  spec.mel = mimo_mel(spec.mel.bins);
  spec.chunk_frames = 6000;
  spec.stem = {
      .bins_are_columns = true,
      .steps = {Step{.name = "a.conv1d.1", .activation = Activation::kGeluErf, .columns = width},
                Step{.name = "a.conv1d.2",
                     .stride = 2,
                     .activation = Activation::kGeluErf,
                     .columns = width}}};
  use_gelu(spec.tower);
  for (LayerSpec& layer : spec.tower.layers) turn_heads(layer.attention, kBase);
  if (std::ssize(spec.tower.layers) <= kSkipping) {
    p.fail(fmt::format("the tower has {} layers, expected at least {}", spec.tower.layers.size(),
                       kSkipping + 1));
    return spec;
  }
  spec.groups = read_groups(p, loader, spec);
  read_windows(p, spec.tower);
  spec.tower.kept_layers = {kSkipping};
  spec.adds_kept = true;
  spec.projector_steps = {norm("mm.a.local_norm", NormKind::kRms, spec.groups->tower.norm_epsilon),
                          join_runs(spec.groups->rows), linear("mm.a.mlp.1"),
                          activate(Activation::kGeluErf), linear("mm.a.mlp.2")};
  spec.before = "<|mimo_audio_start|>";
  spec.after = "<|mimo_audio_end|>";
  return spec;
}

}  // namespace linnet
