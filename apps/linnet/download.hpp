#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "hub/repo_file.hpp"

namespace linnet::app {

/// What to do about a model that this machine cannot run: one of an unknown architecture, or one
/// larger than memory.
enum class Unfit { kRefuse, kWarn };

/// The path of a file of the Hub, downloaded if need be; says on stderr what the model is, how far
/// the download is, and whether the model fits. Ctrl-C interrupts it with an Error. An empty
/// `file.name` stands for the repo's GGUF file, if it has just one besides encoders.
Result<std::string> download_model(hub::RepoFile file, Unfit unfit);

/// Whether a file goes with a model, as its encoder of pictures or sounds, by its name.
inline bool is_encoder(std::string_view name) { return name.find("mmproj") != name.npos; }

/// The names of a repo's GGUF files.
Result<std::vector<std::string>> list_repo(const std::string& repo, const std::string& revision);

}  // namespace linnet::app
