#pragma once

#include <span>

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Attention residuals (Kimi K3): a block reads a mixture of the residual stream and of what it was
/// at the beginning of earlier groups of layers, weighted by a softmax of their scores.
struct ResidualMixWeights {
  Linear score;  ///< of a state without its length, to one number
};

/// Loads `stem`.weight [width]; nothing in models that do not mix.
ResidualMixWeights load_residual_mix(WeightLoader& loader, const ModelSpec& spec,
                                     const std::string& stem);

/// How many earlier states there are after the last layer.
std::int64_t residual_mix_states(const ModelSpec& spec);

/// Floats that mix_residuals takes of the workspace for each row, and the earlier states.
std::int64_t residual_mix_columns(const ModelSpec& spec);

/// The mixture of `earlier` and `x`, all [rows, width]; `x` itself if there is nothing earlier.
View mix_residuals(const Pass& pass, const ResidualMixWeights& weights,
                   std::span<const View> earlier, View x);

}  // namespace linnet
