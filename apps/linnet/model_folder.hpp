#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace linnet::app {

/// The models in a folder, by name: its GGUF files but encoders and later parts of split models. An
/// Error where there are none, or it can't be read.
Result<std::vector<std::string>> models_in(const std::filesystem::path& folder);

/// The encoder of pictures or sounds that goes with a model, by the names of the files in its
/// folder (hub::choose_encoder), or else in one of the folders in it that holds no models. Empty
/// where there is none.
std::string encoder_beside(const std::filesystem::path& model);

}  // namespace linnet::app
