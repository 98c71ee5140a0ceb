#pragma once

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"

namespace linnet {

/// Keeps the error that a layer is not what another one or its residual stream takes it to be:
/// heads may differ from layer to layer, so a file can name any.
void check_layers(Hyperparameters& p, const ModelSpec& spec);

}  // namespace linnet
