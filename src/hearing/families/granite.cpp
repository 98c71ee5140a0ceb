#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "hearing/families/common.hpp"
#include "hearing/families/families.hpp"

namespace linnet {
namespace {

// A minute of rows of 20 ms, as whole blocks and windows.
std::int64_t chunk_rows_of(std::int64_t block, std::int64_t window) {
  constexpr std::int64_t kMost = 3000;
  const std::int64_t both = std::lcm(block, window);
  return both <= kMost ? kMost / both * both : kMost;
}

// Layers whose rows the projector reads, too, counted from 1; 0 is what the first one reads.
void read_kept_layers(Hyperparameters& p, HearingSpec& spec) {
  constexpr const char* kKey = "audio.feature_layer";
  const std::int64_t layers = std::ssize(spec.tower.layers);
  std::vector<std::int64_t> features = read_counts(p, kKey, static_cast<std::size_t>(layers));
  std::ranges::sort(features);
  for (const std::int64_t feature : features) {
    if (feature >= layers) {
      p.fail(
          fmt::format("metadata key clip.{} has {}, expected 0 to {}", kKey, feature, layers - 1));
      return;
    }
    spec.tower.kept_layers.push_back(static_cast<int>(feature) - 1);
  }
}

void read_spectrogram(Hyperparameters& p, HearingSpec& spec) {
  const int columns = spec.mel.bins;
  if (columns % 2 != 0) {
    p.fail(fmt::format("metadata key clip.audio.num_mel_bins is {}, expected an even number",
                       columns));
  }
  spec.mel = granite_mel(std::max(1, columns / 2));
  spec.stem.bins_are_columns = true;
  spec.stem.steps = {{.kind = StemSpec::Step::Kind::kLinear,
                      .name = "a.input_projection",
                      .columns = spec.tower.width}};
}

ConformerSpec read_conformer(Hyperparameters& p, const WeightLoader& loader,
                             const HearingSpec& spec) {
  constexpr std::int64_t kMostRows = 1024, kMostTaps = 255;
  // What the converter of late 2026 calls the norm, which has means and variances in it.
  const bool is_renamed = loader.has("a.blk.0.conv_norm_var.weight");
  ConformerSpec conformer{.distances = "attn_rel_pos_emb",
                          .before_attention = "ln1",
                          .before_convolution = "norm_conv",
                          .behind_convolution = is_renamed ? "conv_norm_var" : "conv_norm"};
  conformer.convolved_columns =
      std::clamp<std::int64_t>(loader.rows("a.blk.0.conv_pw1") / 2, 1, Hyperparameters::kWidest);
  conformer.taps = p.required_count("audio.conv_kernel_size", kMostTaps);
  conformer.block_rows = p.required_count("audio.chunk_size", kMostRows);
  conformer.reach = p.required_count("audio.max_pos_emb", 16 * kMostRows);
  if (conformer.reach < conformer.block_rows) {
    p.fail(
        fmt::format("metadata key clip.audio.max_pos_emb is {}, expected at least the {} of "
                    "clip.audio.chunk_size",
                    conformer.reach, conformer.block_rows));
  }
  conformer.guess_layers = static_cast<int>(spec.tower.layers.size() / 2);
  return conformer;
}

}  // namespace

// Granite Speech (https://arxiv.org/abs/2505.08699): Conformers whose rows see the 200 of their
// block, and learned queries that ask windows of 15 rows. The model hears a sound as a whole, a
// chunk is a minute of it.
HearingSpec read_granite_hearing(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kMostRows = 256, kMostHeads = 256;
  constexpr float kProjectorEpsilon = 1e-12f;
  HearingSpec spec = read_common_hearing(p, loader);
  for (LayerSpec& layer : spec.tower.layers) layer.mlp.gate.activation = Activation::kSilu;
  read_spectrogram(p, spec);
  read_kept_layers(p, spec);
  spec.conformer = read_conformer(p, loader, spec);
  check_conformer(p, spec);
  const int window = p.required_count("audio.projector.window_size", kMostRows);
  const int rate = p.required_count("audio.projector.downsample_rate", window);
  const int heads = p.required_count("audio.projector.head_count", kMostHeads);
  spec.chunk_frames = chunk_rows_of(spec.conformer->block_rows, window);
  spec.projector_steps = {ask_windows("a.proj_", window, window / rate, heads, kProjectorEpsilon),
                          linear("a.proj_linear")};
  return spec;
}

}  // namespace linnet
