#include "linnet/model_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <system_error>
#include <utility>

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

// Folders of folders, as deep as the cache of Hugging Face has models in folders of a repo.
constexpr int kMostDeep = 4;

// Goes through folders level by level, each once: links may lead back, or to one twice.
class ModelSearch {
 public:
  std::error_code look_into(const fs::path& folder) {
    std::error_code error, ignored;
    look_at(folder, error);
    for (int depth = 0; depth < kMostDeep; ++depth) {
      for (const fs::path& inner : std::exchange(inner_, {})) look_at(inner, ignored);
    }
    std::ranges::sort(models_);
    return error;
  }
  std::vector<fs::path>& models() { return models_; }

 private:
  // What can't be read has no models.
  void look_at(const fs::path& folder, std::error_code& error) {
    std::error_code ignored;
    if (!known_.insert(fs::canonical(folder, ignored)).second) return;
    for (const fs::path& entry : entries_of(folder, error)) {
      const std::string name = entry.filename().string();
      if (name.starts_with('.')) continue;
      if (fs::is_directory(entry, ignored)) {
        inner_.push_back(entry);
      } else if (is_model(name) && known_.insert(fs::canonical(entry, ignored) / name).second) {
        models_.push_back(entry);
      }
    }
  }

  std::vector<fs::path> models_, inner_;
  std::set<fs::path> known_;  // folders, and files with their names in the folders
};

std::vector<std::string> names_of(const std::vector<fs::path>& entries) {
  std::vector<std::string> names;
  for (const fs::path& entry : entries) names.push_back(entry.filename().string());
  return names;
}

}  // namespace

Result<std::vector<fs::path>> models_in(const fs::path& folder) {
  ModelSearch search;
  if (const auto error = search.look_into(folder)) {
    return Error{fmt::format("{}: {}", folder.string(), error.message())};
  }
  if (search.models().empty()) {
    return Error{folder.string() + ": the folder has no GGUF file of a model"};
  }
  return std::move(search.models());
}

std::vector<std::string> names_of(const std::vector<FoundModel>& models) {
  // From short to long.
  const auto possible = [](const FoundModel& model) {
    const fs::path inner = model.path.lexically_relative(model.folder).replace_extension();
    const fs::path folder = fs::absolute(model.folder / "").lexically_normal().parent_path();
    return std::array{model.path.stem().string(), inner.generic_string(),
                      (folder.filename() / inner).generic_string()};
  };
  std::map<std::string, int> times;
  for (const FoundModel& model : models) {
    const auto all = possible(model);
    for (const std::string& name : std::set(all.begin(), all.end())) ++times[name];
  }
  std::vector<std::string> names;
  for (const FoundModel& model : models) {
    const auto all = possible(model);
    const auto own = std::ranges::find_if(all, [&](const auto& name) { return times[name] == 1; });
    names.push_back(own == all.end() ? all.back() : *own);
  }
  return names;
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
