#pragma once

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"

namespace linnet {

/// Mamba's sizes from `ssm.*`.
MambaSpec read_mamba_sizes(Hyperparameters& p);

}  // namespace linnet
