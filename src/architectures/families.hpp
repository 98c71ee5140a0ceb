#pragma once

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

// One function a family, each in a file of its name; see Architecture::read for the contract.
ModelSpec read_jamba(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_lfm2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_llama(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_mamba(Hyperparameters& p, WeightLoader& loader);

}  // namespace linnet
