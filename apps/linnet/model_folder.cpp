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
std::vector<fs::path> entries_of(const fs::path& folder, std::error_code& error) {
  std::vector<fs::path> entries;
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
  for (const fs::path& entry : entries_of(folder, error)) {
    if (is_model(entry.filename().string())) models.push_back(entry.string());
  }
  if (error) return Error{fmt::format("{}: {}", folder.string(), error.message())};
  if (models.empty()) return Error{folder.string() + ": the folder has no GGUF file of a model"};
  return models;
}

std::string encoder_beside(const fs::path& model) {
  const fs::path folder = model.parent_path();
  const std::string name = model.filename().string();
  std::error_code ignored;
  const std::vector<fs::path> entries = entries_of(folder.empty() ? "." : folder, ignored);
  const std::vector<std::string> names = names_of(entries);
  if (const auto encoder = hub::choose_encoder(name, names)) return (folder / *encoder).string();
  for (const fs::path& inner : entries) {
    if (!fs::is_directory(inner, ignored)) continue;
    std::vector<std::string> all = names_of(entries_of(inner, ignored));
    if (std::ranges::any_of(all, is_model)) continue;  // whose encoder it would be
    all.insert(all.end(), names.begin(), names.end());
    if (const auto encoder = hub::choose_encoder(name, all)) return (inner / *encoder).string();
  }
  return {};
}

}  // namespace linnet::app
