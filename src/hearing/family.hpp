#pragma once

#include <span>
#include <string_view>

#include "gguf/gguf_file.hpp"
#include "hearing/hearing_spec.hpp"
#include "model/hyperparameters.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// A family of encoders of sounds: how its metadata become a HearingSpec.
struct HearingFamily {
  std::string_view name;  ///< `clip.audio.projector_type` or `clip.projector_type`
  /// Reads the metadata. Errors go to `hyperparameters`; `loader` tells which tensors are there.
  HearingSpec (*read)(Hyperparameters& hyperparameters, const WeightLoader& loader);
};

/// All that Linnet knows, by name. The one list: src/hearing/family.cpp.
std::span<const HearingFamily> all_hearing_families();

/// Reads the description of the encoder of sounds in an `mmproj` file. An Error if it has none,
/// one of an unknown family, or values that can't be.
Result<HearingSpec> read_hearing_spec(const gguf::File& file, const WeightLoader& loader);

}  // namespace linnet
