#include <fmt/format.h>

#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/target_results.hpp"

namespace linnet {

// EAGLE-3 (https://arxiv.org/abs/2503.01840): one layer like Llama's, which guesses for the model
// that it was trained with.
ModelSpec read_eagle3(Hyperparameters& p, WeightLoader& loader) {
  constexpr int kTargetLayers = 3;
  ModelSpec spec = read_adjacent(p, loader);
  if (spec.layers.size() != 1 || spec.layers.front().attention.kv_heads == 0) {
    p.fail(fmt::format("metadata key {}.block_count is {}, expected one layer with attention",
                       p.architecture(), spec.layers.size()));
    return spec;
  }
  read_fused_results(p, loader, kTargetLayers, spec);
  PredictionSpec& prediction = spec.prediction;
  prediction.kind = PredictionSpec::Kind::kBeside;
  prediction.target_width = p.required_count("target_hidden_size", Hyperparameters::kWidest);
  prediction.normalises_stream = p.boolean("norm_before_residual", false);
  prediction.normalises_results = p.boolean("norm_before_fc", false);
  return spec;
}

}  // namespace linnet
