#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

using Kind = NetStep::Kind;

// Describes a MobileNetV5 by the tensors that the file has.
class NetReader {
 public:
  NetReader(Hyperparameters& p, const WeightLoader& loader) : p_(p), loader_(loader) {}

  ConvolutionalSpec read(int side) {
    ConvolutionalSpec net{side, {stem()}};
    std::vector<std::size_t> ends;  // of stages: blocks before them
    for (int stage = 0; has_block(stage, 0); ++stage) {
      for (int i = 0; has_block(stage, i); ++i) net.blocks.push_back(block(stage, i));
      ends.push_back(net.blocks.size());
    }
    // What the projector reads is made of the last two stages.
    if (ends.size() < 2) {
      p_.fail("missing tensor v.blk.1.0.: a network has at least two stages");
      return {};
    }
    net.blocks[ends[ends.size() - 2] - 1].is_kept = true;
    net.blocks.back().is_kept = true;
    return net;
  }

 private:
  enum Dimension { kSide = 0, kOutputs = 3 };  // of a convolution's weights

  bool has(const std::string& stem) const { return loader_.has(stem + ".weight"); }

  std::int64_t extent(const std::string& stem, Dimension dimension, std::int64_t most) const {
    const gguf::Tensor* const tensor = p_.file().find_tensor(stem + ".weight");
    return tensor ? std::clamp<std::int64_t>(tensor->shape[dimension], 1, most) : 1;
  }

  static std::string name(int stage, int index) {
    return fmt::format("v.blk.{}.{}.", stage, index);
  }

  bool has_block(int stage, int index) const {
    constexpr std::string_view kFirst[] = {"conv_exp", "dw_start.conv", "pw_exp.conv",
                                           "attn.query.proj"};
    return std::ranges::any_of(
        kFirst, [&](std::string_view part) { return has(name(stage, index).append(part)); });
  }

  NetStep convolution(Kind kind, const std::string& stem, int stride = 1) const {
    constexpr std::int64_t kLargestSide = 15;
    NetStep step{.kind = kind, .name = stem, .stride = stride};
    if (kind != Kind::kPointwise) step.side = static_cast<int>(extent(stem, kSide, kLargestSide));
    if (kind != Kind::kDepthwise) step.columns = extent(stem, kOutputs, Hyperparameters::kWidest);
    return step;
  }

  // A convolution with its norm, if the file has one.
  void add(NetBlock& block, Kind kind, const std::string& stem, const std::string& norm,
           int stride = 1) const {
    block.steps.push_back(convolution(kind, stem, stride));
    if (has(norm)) block.steps.push_back({.kind = Kind::kNorm, .name = norm});
  }

  static void activate(NetBlock& block) { block.steps.push_back({.kind = Kind::kActivate}); }

  NetBlock stem() const {
    NetBlock block;
    add(block, Kind::kConvolve, "v.conv_stem.conv", "v.conv_stem.bn", 2);
    activate(block);
    return block;
  }

  // The first block of a stage halves the grid.
  NetBlock block(int stage, int index) const {
    const std::string stem = name(stage, index);
    const int stride = index == 0 ? 2 : 1;
    NetBlock block = has(stem + "conv_exp")          ? edge_residual(stem, stride)
                     : has(stem + "attn.query.proj") ? attention(stem)
                                                     : inverted_residual(stem, stride);
    const std::string scale = stem + "layer_scale.gamma";
    if (loader_.has(scale)) block.steps.push_back({.kind = Kind::kScale, .name = scale});
    block.adds_input = true;
    return block;
  }

  NetBlock edge_residual(const std::string& stem, int stride) const {
    NetBlock block;
    add(block, Kind::kConvolve, stem + "conv_exp", stem + "bn1", stride);
    activate(block);
    add(block, Kind::kPointwise, stem + "conv_pwl", stem + "bn2");
    return block;
  }

  NetBlock inverted_residual(const std::string& stem, int stride) const {
    NetBlock block;
    const std::string start = stem + "dw_start", wide = stem + "pw_exp", middle = stem + "dw_mid";
    const bool has_middle = has(middle + ".conv");
    if (has(start + ".conv")) {
      add(block, Kind::kDepthwise, start + ".conv", start + ".bn", has_middle ? 1 : stride);
    }
    add(block, Kind::kPointwise, wide + ".conv", wide + ".bn");
    activate(block);
    if (has_middle) {
      add(block, Kind::kDepthwise, middle + ".conv", middle + ".bn", stride);
      activate(block);
    }
    add(block, Kind::kPointwise, stem + "pw_proj.conv", stem + "pw_proj.bn");
    return block;
  }

  NetBlock attention(const std::string& stem) const {
    NetBlock block;
    if (has(stem + "norm")) block.steps.push_back({.kind = Kind::kNorm, .name = stem + "norm"});
    NetStep step{.kind = Kind::kAttend, .name = stem + "attn"};
    const auto outputs = [&](std::string_view part) {
      return extent(fmt::format("{}.{}.proj", step.name, part), kOutputs, Hyperparameters::kWidest);
    };
    step.key_width = static_cast<int>(outputs("key"));
    step.value_width = static_cast<int>(outputs("value"));
    step.heads = static_cast<int>(outputs("query") / step.key_width);
    const std::string fewer = step.name + ".key.down_conv";
    if (has(fewer)) {
      step.side = convolution(Kind::kDepthwise, fewer).side;
      step.stride = 2;
    }
    check(step);
    block.steps.push_back(std::move(step));
    return block;
  }

  void check(const NetStep& step) const {
    constexpr int kWidestHead = 1024;
    const int widest = std::max(step.key_width, step.value_width);
    if (widest > kWidestHead || step.heads < 1 || step.heads > Hyperparameters::kMostHeads) {
      p_.fail(
          fmt::format("tensors {}.query, .key and .value give {} heads of {} columns, expected "
                      "at least one of at most {}",
                      step.name, step.heads, widest, kWidestHead));
    }
  }

  Hyperparameters& p_;
  const WeightLoader& loader_;
};

// How many places of the network's result become a row each way: there are at most 16 rows.
int places_of_row(Hyperparameters& p, int places) {
  constexpr int kMostRows = 16;
  if (places <= kMostRows) return 1;
  if (places % kMostRows != 0) {
    p.fail(
        fmt::format("the network makes {} x {} places of a picture (clip.vision.image_size), "
                    "expected a multiple of {} each way",
                    places, places, kMostRows));
  }
  return places / kMostRows;
}

}  // namespace

// Gemma 3n: MobileNetV5 over square pictures. What two of its stages give becomes 3 x 3 means.
VisionSpec read_gemma3n_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kLongestSide = 1024;
  const float epsilon = kNetEpsilon;
  VisionSpec spec = read_patches(p, TrainedSide::kRequired);
  const int side = p.required_count("vision.image_size", kLongestSide);
  spec.net = NetReader(p, loader).read(side);
  const int places = read_places_of_net(p, side, spec);
  spec.merge_side = places_of_row(p, places);
  spec.sizing.resampling = Resampling::kBilinear;
  const std::string ffn = "v.msfa.ffn.", wide = ffn + "pw_exp", narrow = ffn + "pw_proj";
  const auto scaled =
      static_cast<float>(p.required_count("vision.embedding_length", Hyperparameters::kWidest));
  spec.projector_steps = {linear(wide + ".conv"),
                          norm(wide + ".bn", NormKind::kRms, epsilon),
                          activate(),
                          linear(narrow + ".conv"),
                          norm(narrow + ".bn", NormKind::kRms, epsilon),
                          mean_of(spec.merge_side),
                          norm("v.msfa.norm", NormKind::kRms, epsilon),
                          scale_by(std::sqrt(scaled)),
                          norm("mm.soft_emb_norm", NormKind::kRms, epsilon)};
  // The text model has no embedding of its own for the token after a picture.
  const bool has_end = loader.has("mm.embedding.weight");
  if (has_end) {
    spec.projector_steps.push_back(row_behind("mm.embedding", "mm.hard_emb_norm", epsilon));
  }
  spec.projector_steps.push_back(linear("mm.input_projection"));
  spec.projector_steps.push_back(norm("", NormKind::kRms, epsilon));
  spec.before = "\n\n<start_of_image>";
  spec.after = has_end ? "\n\n" : "<end_of_image>\n\n";
  return spec;
}

}  // namespace linnet
