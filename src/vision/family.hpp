#pragma once

#include <span>
#include <string_view>

#include "gguf/gguf_file.hpp"
#include "model/hyperparameters.hpp"
#include "model/weight_loader.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// A family of vision encoders: how its metadata become a VisionSpec.
struct VisionFamily {
  std::string_view name;  ///< `clip.projector_type`
  /// Reads the metadata. Errors go to `hyperparameters`; `loader` tells which tensors are there.
  VisionSpec (*read)(Hyperparameters& hyperparameters, const WeightLoader& loader);
};

/// All that Linnet knows, by name. The one list: src/vision/family.cpp.
std::span<const VisionFamily> all_vision_families();

/// Reads the description of the vision encoder in an `mmproj` file. An Error if it is
/// something else, of an unknown family, or has impossible values.
Result<VisionSpec> read_vision_spec(const gguf::File& file, const WeightLoader& loader);

}  // namespace linnet
