#pragma once

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// What nearly all architectures have in common: sizes, context, norm epsilon (RMS or layer norm,
/// whichever key is there), and for each layer heads, widths, dense or expert feed-forward width.
/// Rope is left out.
ModelSpec read_common(Hyperparameters& p);

/// Gives every layer rope of `layout`, with `rope.dimension_count`, `rope.freq_base`,
/// `rope.scaling.*` and the factors of rope_freqs.weight where the file has them.
void read_rope(Hyperparameters& p, WeightLoader& loader, RopeLayout layout, ModelSpec& spec);

}  // namespace linnet
