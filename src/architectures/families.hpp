#pragma once

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

// One function a family, each in a file of its name; see Architecture::read for the contract.
ModelSpec read_falcon_h1(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_granite_hybrid(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_jamba(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_lfm2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_llama(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_mamba(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_mamba2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_nemotron_h(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_plamo2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_arwkv7(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_rwkv7(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_rwkv6_qwen2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_rwkv6(Hyperparameters& p, WeightLoader& loader);

}  // namespace linnet
