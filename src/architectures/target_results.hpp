#pragma once

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// What models that fuse results of their target's layers (PredictionSpec::fuses_results()) have in
/// common: the vocabulary, which is the target's, `count` target layers, and the tokens that
/// columns of the logits stand for.
void read_fused_results(Hyperparameters& p, const WeightLoader& loader, int count, ModelSpec& spec);

}  // namespace linnet
