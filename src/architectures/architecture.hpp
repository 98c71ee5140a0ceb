#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Optional tensors that llama.cpp, which defines the files, does not heed in an architecture
/// although a file may have them.
enum Unused : unsigned {
  kDenseScales = 1,
  kGateUpScales = 2,
  kExpertScales = 4,
  kSharedScales = 8,
  kQkvScales = 16,
  kOutputScale = 32,
  kGateScale = 64,
  kQkvBias = 128,
  kOutputBias = 256,
  kDenseBias = 512,
  kHeadBias = 1024
};

/// Reads the metadata. Errors go to `p`; `loader` gives small tensors that are hyper-parameters
/// (rope_freqs).
using ReadArchitecture = ModelSpec(Hyperparameters& p, WeightLoader& loader);

/// A family of models: how its metadata become a ModelSpec.
struct Architecture {
  std::string_view name;  ///< `general.architecture`
  ReadArchitecture* read;
  unsigned unused = 0;    ///< of Unused
  bool predicts = false;  ///< its layers for multi-token prediction are like its own
};

/// Every architecture that comes with Linnet, by name. The one list:
/// src/architectures/registry.cpp.
std::span<const Architecture> all_architectures();

/// Those that a draft model may have: all of these, and those that only guess for another model
/// (ModelSpec::prediction).
std::span<const Architecture> draft_architectures();

/// Reads the model's description as its architecture among `known` says; an Error names one that is
/// not there and lists those that are. A program with an architecture of its own gives a list that
/// has it (docs/adding-an-architecture.md).
Result<ModelSpec> read_model_spec(const gguf::File& file, WeightLoader& loader,
                                  std::span<const Architecture> known = all_architectures());

/// The same of the file's layers for multi-token prediction, alone (PredictionSpec::Kind::kJoined);
/// none if there are no such layers, or not of a kind that is known.
Result<std::optional<ModelSpec>> read_prediction_spec(
    const gguf::File& file, WeightLoader& loader,
    std::span<const Architecture> known = all_architectures());

/// Reads what a draft model's file describes: a model, or what only guesses for another one
/// (ModelSpec::prediction), such as layers for multi-token prediction without their model.
Result<ModelSpec> read_draft_spec(const gguf::File& file, WeightLoader& loader);

}  // namespace linnet
