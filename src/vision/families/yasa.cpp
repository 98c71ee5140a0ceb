#include <fmt/format.h>

#include <algorithm>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

using Kind = NetStep::Kind;

// Describes a ConvNeXt V2 (https://arxiv.org/abs/2301.00808) by the tensors that the file has.
class NetReader {
 public:
  NetReader(const WeightLoader& loader, float epsilon) : loader_(loader), epsilon_(epsilon) {}

  ConvolutionalSpec read(int side, int patch_side) {
    ConvolutionalSpec net{side, {}};
    NetBlock patches;
    patches.steps.push_back(convolution("v.patch_embd", patch_side, 3));
    if (loader_.has("v.patch_ln.weight")) patches.steps.push_back(norm("v.patch_ln"));
    std::int64_t columns = patches.steps.front().columns;
    net.blocks.push_back(std::move(patches));
    for (int stage = 0;; ++stage) {
      const std::string stem = fmt::format("v.stage.{}.", stage);
      const bool halves = has(stem + "down.conv");
      if (!halves && !has(stem + "blk.0.dw")) break;
      if (halves) {
        net.blocks.push_back(
            {{norm(stem + "down.ln"), convolution(stem + "down.conv", 2, columns)}});
        columns = net.blocks.back().steps.back().columns;
      }
      for (int i = 0; has(fmt::format("{}blk.{}.dw", stem, i)); ++i) {
        net.blocks.push_back(block(fmt::format("{}blk.{}.", stem, i), columns));
      }
    }
    return net;
  }

 private:
  bool has(const std::string& stem) const { return loader_.has(stem + ".weight"); }

  NetStep norm(std::string stem) const {
    return {.kind = Kind::kNorm,
            .name = std::move(stem),
            .norm = NormKind::kLayer,
            .epsilon = epsilon_};
  }

  // Over squares that do not overlap.
  NetStep convolution(std::string stem, int side, std::int64_t inputs) const {
    const std::int64_t outputs = loader_.elements(stem) / (std::int64_t{side} * side * inputs);
    return {.kind = Kind::kConvolve,
            .name = std::move(stem),
            .side = side,
            .stride = side,
            .columns = std::clamp<std::int64_t>(outputs, 1, Hyperparameters::kWidest)};
  }

  NetBlock block(const std::string& stem, std::int64_t columns) const {
    constexpr int kSide = 7;
    const std::int64_t inner =
        std::clamp<std::int64_t>(loader_.rows(stem + "pw1"), 1, Hyperparameters::kWidest);
    NetBlock block;
    block.steps = {{.kind = Kind::kDepthwise, .name = stem + "dw", .side = kSide},
                   norm(stem + "ln"),
                   {.kind = Kind::kPointwise, .name = stem + "pw1", .columns = inner},
                   {.kind = Kind::kActivate, .activation = Activation::kGeluErf},
                   {.kind = Kind::kNormaliseColumns, .name = stem + "grn"},
                   {.kind = Kind::kPointwise, .name = stem + "pw2", .columns = columns}};
    block.adds_input = true;
    return block;
  }

  const WeightLoader& loader_;
  float epsilon_;
};

}  // namespace

// Yasa2 (Reka): ConvNeXt V2 over square pictures, of which 8 x 8 means become rows.
VisionSpec read_yasa_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kLongestSide = 1024;
  constexpr int kRowsOfSide = 8;
  constexpr std::string_view kPlaces = "v.vision_pos_embed";
  VisionSpec spec = read_patches(p, TrainedSide::kUnused);
  const int side = p.required_count("vision.image_size", kLongestSide);
  const float epsilon = p.positive_number("vision.attention.layer_norm_epsilon", 1e-6f);
  spec.net = NetReader(loader, epsilon).read(side, spec.patch_side);
  if (p.file().find_tensor(std::string(kPlaces))) {
    spec.net.blocks.push_back({{{.kind = Kind::kAddTable, .name = std::string(kPlaces)}}});
  }
  spec.net.blocks.back().is_kept = true;
  const int places = read_places_of_net(p, side, spec);
  spec.merge_side = std::max(1, places / kRowsOfSide);
  if (places != spec.merge_side * kRowsOfSide) {
    p.fail(
        fmt::format("the network makes {0} x {0} places of a picture (clip.vision.image_size), "
                    "expected a multiple of {1} each way",
                    places, kRowsOfSide));
  }
  spec.tower.unused_tensors = {"v.backbone_ln."};
  spec.projector_steps = {mean_of(spec.merge_side), linear("mm.0"), activate(Activation::kGeluErf),
                          linear("mm.2")};
  spec.before = "<image>";
  spec.after = "</image>";
  return spec;
}

}  // namespace linnet
