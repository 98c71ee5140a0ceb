#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace linnet::app {

/// A model that was found in a folder.
struct FoundModel {
  std::string path;
  std::string name;  ///< of its file; with its folders where another one's has the same
};

/// The models in a folder and, as other programs keep them (PUBLISHER/REPO/FILE), in the folders in
/// it, three deep; by their paths. They are the GGUF files but encoders and later parts of split
/// models; what begins with a dot is passed over. An Error where there are none, or the folder
/// can't be read.
Result<std::vector<FoundModel>> models_in(const std::filesystem::path& folder);

/// The encoder of pictures or sounds that goes with a model, by the names of the files in its
/// folder (hub::choose_encoder), or else in one of the folders in it that holds no models. Empty
/// where there is none.
std::string encoder_beside(const std::filesystem::path& model);

}  // namespace linnet::app
