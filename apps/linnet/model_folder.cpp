#include "linnet/model_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "hub/model_choice.hpp"
#include "hub/repo_file.hpp"

namespace linnet::app {

namespace fs = std::filesystem;

namespace {

bool is_model(const std::string& name) { return hub::names_model(name) && !hub::is_encoder(name); }

// What is in a folder, by name; as much as can be read.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    entries.push_back(entry->path());
  }
  std::ranges::sort(entries);
  return entries;
}

std::vector<std::string> names_of(const std::vector<fs::path>& entries) {
  std::vector<std::string> names;
  for (const fs::path& entry : entries) names.push_back(entry.filename().string());
  return names;
}

}  // namespace

Result<std::vector<std::string>> models_in(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> models;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (is_model(name)) models.push_back(entry->path().string());
  }
  if (error) return Error{fmt::format("{}: {}", folder.string(), error.message())};
  if (models.empty()) return Error{folder.string() + ": the folder has no GGUF file of a model"};
  std::ranges::sort(models);
  return models;
}

std::string encoder_beside(const fs::path& model) {
  const fs::path folder = model.parent_path();
  const std::string name = model.filename().string();
  const std::vector<fs::path> entries = entries_of(folder.empty() ? "." : folder);
  const std::vector<std::string> names = names_of(entries);
  if (const auto encoder = hub::choose_encoder(name, names)) return (folder / *encoder).string();
  for (const fs::path& inner : entries) {
    std::error_code ignored;
    if (!fs::is_directory(inner, ignored)) continue;
    std::vector<std::string> all = names_of(entries_of(inner));
    if (std::ranges::any_of(all, is_model)) continue;  // whose encoder it would be
    all.insert(all.end(), names.begin(), names.end());
    if (const auto encoder = hub::choose_encoder(name, all)) return (inner / *encoder).string();
  }
  return {};
}

}  // namespace linnet::app
