#include <fmt/format.h>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Nanbeige 4.2: all layers come several times, with the norm of the head between the passes.
ModelSpec read_nanbeige(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  const int passes = p.count("num_loops", 1);
  const int stack = static_cast<int>(spec.layers.size());
  if (stack == 0 || passes == 1) return spec;
  if (std::int64_t{passes} * stack > Hyperparameters::kMostLayers) {
    p.fail(fmt::format("metadata key {}.num_loops is {}, expected at most {} for {} layers",
                       p.architecture(), passes, Hyperparameters::kMostLayers / stack, stack));
    return spec;
  }
  spec.cycles = {.stack = stack, .normalises = !p.boolean("skip_loop_final_norm", false)};
  const std::vector<LayerSpec> layers = spec.layers;
  for (int pass = 1; pass < passes; ++pass) {
    spec.layers.insert(spec.layers.end(), layers.begin(), layers.end());
  }
  return spec;
}

}  // namespace linnet
