#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace linnet::app {

/// The models in a folder, by name: its GGUF files but encoders and later parts of split models. An
/// Error where there are none, or it can't be read.
Result<std::vector<std::string>> models_in(const std::filesystem::path& folder);

}  // namespace linnet::app
