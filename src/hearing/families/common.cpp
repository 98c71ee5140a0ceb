#include "hearing/families/common.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hearing/distance_columns.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kMostBins = 1024;
constexpr std::int64_t kFewestRows = 8, kMostRows = 1500;  // of half a minute

}  // namespace

HearingSpec read_common_hearing(Hyperparameters& p, const WeightLoader& loader) {
  HearingSpec spec;
  spec.tower = read_tower(p, loader, {"audio", "a.blk"});
  spec.tower.output_norm = NormUse::kNone;
  spec.mel.bins = p.required_count("audio.num_mel_bins", kMostBins);
  return spec;
}

void use_gelu(ModelSpec& tower) {
  for (LayerSpec& layer : tower.layers) layer.mlp.gate.activation = Activation::kGeluErf;
}

void check_conformer(Hyperparameters& p, const HearingSpec& spec) {
  constexpr int kWidest = 1024;  // of a head, that all backends compute
  const int head = spec.tower.layers.front().attention.key_width,
            distances = distance_columns(spec);
  if (distances == 0) p.fail("the tower has 1 column, expected at least 2");  // a sine and a cosine
  if (head + distances > kWidest) {
    p.fail(fmt::format("heads have {} columns, and {} for distances, expected at most {} together",
                       head, distances, kWidest));
  }
}

void size_stem(const WeightLoader& loader, HearingSpec& spec) {
  using Kind = StemSpec::Step::Kind;
  constexpr std::int64_t kSide = StemSpec::kSide;
  std::int64_t columns = spec.stem.bins_are_columns ? spec.mel.bins : 1;
  for (StemSpec::Step& step : spec.stem.steps) {
    const std::int64_t taps = step.kind == Kind::kLinear   ? 1
                              : spec.stem.bins_are_columns ? kSide
                                                           : kSide * kSide;
    const std::int64_t inputs = step.kind == Kind::kEach ? 1 : columns;
    if (step.kind != Kind::kEach) {
      columns = std::clamp<std::int64_t>(loader.elements(step.name) / (taps * inputs), 1,
                                         Hyperparameters::kWidest);
    }
    step.columns = columns;
  }
}

StemSpec eighth_stem() {
  StemSpec stem;
  for (int i = 1; i <= 3; ++i) {
    stem.steps.push_back(
        {.name = fmt::format("a.conv2d.{}", i), .stride = 2, .activation = Activation::kGeluErf});
  }
  stem.joined = "a.conv_out";
  stem.bins_innermost = true;
  stem.frames_innermost = true;
  return stem;
}

StemSpec nemo_stem() {
  using Kind = StemSpec::Step::Kind;
  constexpr Activation kRelu = Activation::kRelu;
  StemSpec stem;
  stem.steps = {{.name = "a.conv1d.0", .stride = 2, .activation = kRelu},
                {.kind = Kind::kEach, .name = "a.conv1d.2", .stride = 2},
                {.kind = Kind::kLinear, .name = "a.conv1d.3", .activation = kRelu},
                {.kind = Kind::kEach, .name = "a.conv1d.5", .stride = 2},
                {.kind = Kind::kLinear, .name = "a.conv1d.6", .activation = kRelu}};
  stem.joined = "a.pre_encode.out";
  stem.bins_innermost = true;
  return stem;
}

HearingSpec read_whisper(Hyperparameters& p, const WeightLoader& loader) {
  using Step = StemSpec::Step;
  HearingSpec spec = read_common_hearing(p, loader);
  use_gelu(spec.tower);
  const std::int64_t places = loader.rows("a.position_embd"), width = spec.tower.width;
  if (places < kFewestRows) {
    p.fail(
        fmt::format("a sound has places for {} rows, expected at least {}", places, kFewestRows));
  }
  spec.chunk_frames = 2 * std::clamp(places, kFewestRows, kMostRows);
  spec.mel = whisper_mel(spec.mel.bins, spec.chunk_frames);
  spec.stem = {
      .bins_are_columns = true,
      .steps = {Step{.name = "a.conv1d.1", .activation = Activation::kGeluErf, .columns = width},
                Step{.name = "a.conv1d.2",
                     .stride = 2,
                     .activation = Activation::kGeluErf,
                     .columns = width}},
      .places = "a.position_embd"};
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
