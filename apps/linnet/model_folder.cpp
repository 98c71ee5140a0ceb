#include "linnet/model_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
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

// Folders of folders.
constexpr int kMostDeep = 3;

struct ModelSearch {
  std::vector<fs::path> models;
  std::set<fs::path> known;  // folders: a link may lead back to one

  std::error_code look_into(const fs::path& folder, int deeper) {
    std::error_code error, ignored;
    if (!known.insert(fs::canonical(folder, ignored)).second) return {};
    for (const fs::path& entry : entries_of(folder, error)) {
      const std::string name = entry.filename().string();
      if (name.starts_with('.')) continue;
      if (fs::is_directory(entry, ignored)) {
        if (deeper > 0) look_into(entry, deeper - 1);  // what can't be read has none
      } else if (is_model(name)) {
        models.push_back(entry);
      }
    }
    return error;
  }
};

std::vector<FoundModel> with_names(const std::vector<fs::path>& models, const fs::path& folder) {
  std::map<std::string, int> times;
  for (const fs::path& model : models) ++times[model.stem().string()];
  std::vector<FoundModel> found;
  for (const fs::path& model : models) {
    std::string name = model.stem().string();
    if (times[name] > 1) {
      name = model.lexically_relative(folder).replace_extension().generic_string();
    }
    found.push_back({model.string(), std::move(name)});
  }
  return found;
}

std::vector<std::string> names_of(const std::vector<fs::path>& entries) {
  std::vector<std::string> names;
  for (const fs::path& entry : entries) names.push_back(entry.filename().string());
  return names;
}

}  // namespace

Result<std::vector<FoundModel>> models_in(const fs::path& folder) {
  ModelSearch search;
  if (const auto error = search.look_into(folder, kMostDeep)) {
    return Error{fmt::format("{}: {}", folder.string(), error.message())};
  }
  if (search.models.empty()) {
    return Error{folder.string() + ": the folder has no GGUF file of a model"};
  }
  return with_names(search.models, folder);
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
