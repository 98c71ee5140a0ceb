#include <cmath>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

// Heads have a third of columns for time, which pictures have none of, a third that rotates by row
// and one that rotates by column; a rest does not rotate.
void turn_thirds(float base, ModelSpec& tower) {
  for (LayerSpec& layer : tower.layers) {
    AttentionSpec& a = layer.attention;
    const int columns = a.key_width / 2 * 2 / 3 / 2 * 2;
    for (int component = 0; component < 2; ++component) {
      RopeSpec rope;
      rope.layout = RopeLayout::kSplitHalf;
      rope.first = (1 + component) * columns;
      rope.dims = columns;
      for (int i = 0; i < columns / 2; ++i) {
        rope.inverse_frequencies.push_back(
            static_cast<float>(std::pow(double{base}, -2.0 * i / columns)));
      }
      a.placed_ropes.push_back({component, std::move(rope)});
    }
  }
}

}  // namespace

// MiniMax-M3: pictures of any shape, whose patches rotate by row and column and become rows of the
// text model before four of them become one.
VisionSpec read_minimax_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  for (LayerSpec& layer : spec.tower.layers) layer.mlp.gate.activation = Activation::kGeluErf;
  spec.merge_side = p.count("vision.spatial_merge_size", 2, 64);
  spec.sizing.least_tokens = 8;
  spec.sizing.most_tokens = 576;
  turn_thirds(10000.0f, spec.tower);
  spec.projector_steps = {linear("mm.1"),          activate(Activation::kGeluErf),
                          linear("mm.2"),          concatenate(spec.merge_side),
                          linear("mm.merger.fc1"), activate(Activation::kGeluErf),
                          linear("mm.merger.fc2")};
  spec.before = "]<]start of image[>[";
  spec.after = "]<]end of image[>[";
  return spec;
}

}  // namespace linnet
