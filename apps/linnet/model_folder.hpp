#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace linnet::app {

/// The models in a folder and, as other programs keep them (PUBLISHER/REPO/FILE), in the folders in
/// it, four deep; by their paths. They are the GGUF files but encoders and later parts of split
/// models, each once where links lead to it by the same name; what begins with a dot is passed
/// over. An Error if there are none, or the folder can't be read.
Result<std::vector<std::filesystem::path>> models_in(const std::filesystem::path& folder);

/// A model that was found in a folder.
struct FoundModel {
  std::filesystem::path path, folder;
};

/// What they are called: as their files without .gguf; those that this does not tell apart with the
/// folders after the one they were found in, and with that one, too, if need be.
std::vector<std::string> names_in_folders(const std::vector<FoundModel>& models);

/// The encoder of pictures or sounds that goes with a model, by the names of the files in its
/// folder (hub::choose_encoder), or else in one of the folders in it that holds no models. Empty
/// if there is none.
std::string encoder_beside(const std::filesystem::path& model);

}  // namespace linnet::app
