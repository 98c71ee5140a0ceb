#include <fmt/format.h>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// HRM-Text: two stacks of layers take turns over the same tokens, norms without weights. Where the
// file says so (hrm.prefix_lm) the model was trained with prompts whose tokens see each other; as
// in llama.cpp they see earlier ones only.
ModelSpec read_hrm_text(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader, LayerTensors::kShared);
  read_rope_for_all(p, loader, RopeLayout::kSplitHalf, spec);
  spec.embedding_scale = p.nonzero_number("embedding_scale", 1.0f);
  spec.pre_norm = NormUse::kPlain;
  spec.output_norm = NormUse::kNone;  // the last pass has one
  const auto count = [&](std::string_view key) {
    return p.required_count(key, Hyperparameters::kMostLayers);
  };
  const int stack = count("hrm.layers_per_stack");
  const int low = count("hrm.l_cycles"), high = count("hrm.h_cycles");
  const std::int64_t all = std::int64_t{stack} * high * (low + 1);
  if (std::ssize(spec.layers) != all) {
    p.fail(
        fmt::format("{} layers were found (block_count), expected {} for {} cycles of {} low "
                    "passes and a high one through {} layers each",
                    spec.layers.size(), all, high, low, stack));
    return spec;
  }
  spec.cycles = {stack, low};
  spec.layers.assign(spec.layers.size(), LayerSpec(spec.layers.front()));  // they share weights
  return spec;
}

}  // namespace linnet
