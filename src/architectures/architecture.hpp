#pragma once

#include <span>
#include <string_view>

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// A family of models: how its metadata become a ModelSpec.
struct Architecture {
  std::string_view name;  ///< `general.architecture`
  /// Reads the metadata. Errors go to `hyperparameters`; `loader` gives small tensors that are
  /// hyper-parameters (rope_freqs).
  ModelSpec (*read)(Hyperparameters& hyperparameters, WeightLoader& loader);
};

/// Every known architecture, by name. The one list: src/architectures/registry.cpp.
std::span<const Architecture> all_architectures();

/// Reads the model's description; an Error names an unknown architecture and lists the known ones.
Result<ModelSpec> read_model_spec(const gguf::File& file, WeightLoader& loader);

}  // namespace linnet
