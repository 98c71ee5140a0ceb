#include "linnet/model_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "hub/model_choice.hpp"
#include "hub/repo_file.hpp"

namespace linnet::app {

namespace fs = std::filesystem;

Result<std::vector<std::string>> models_in(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> models;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (hub::names_model(name) && !hub::is_encoder(name)) models.push_back(entry->path().string());
  }
  if (error) return Error{fmt::format("{}: {}", folder.string(), error.message())};
  if (models.empty()) return Error{folder.string() + ": the folder has no GGUF file of a model"};
  std::ranges::sort(models);
  return models;
}

}  // namespace linnet::app
