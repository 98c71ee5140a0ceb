#include "linnet/model_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "hub/model_choice.hpp"

namespace linnet::app {

namespace fs = std::filesystem;

namespace {

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
    return error;
  }
  // By their paths.
  std::vector<fs::path> models() const {
    std::vector<fs::path> models;
    for (const auto& [target, model] : found_) models.push_back(model.path);
    std::ranges::sort(models);
    return models;
  }

 private:
  struct Found {
    fs::path path;
    std::ptrdiff_t beside;  // GGUF files in its folder
  };

  // What can't be read has no models.
  void look_at(const fs::path& folder, std::error_code& error) {
    std::error_code ignored;
    if (!known_.insert(fs::canonical(folder, ignored)).second) return;
    std::vector<fs::path> models;
    const std::vector<fs::path> entries = entries_of(folder, error);
    for (const fs::path& entry : entries) {
      const std::string name = entry.filename().string();
      if (name.starts_with('.')) continue;
      if (fs::is_directory(entry, ignored)) {
        inner_.push_back(entry);
      } else if (hub::is_model(name)) {
        models.push_back(entry);
      }
    }
    const auto beside = std::ranges::count(entries, ".gguf", &fs::path::extension);
    for (const fs::path& model : models) add({model, beside});
  }

  // Of two links to a file by one name, the one with more files beside it: the encoder and all
  // parts are there.
  void add(Found model) {
    std::error_code ignored;
    const fs::path target = fs::canonical(model.path, ignored) / model.path.filename();
    const auto [known, is_new] = found_.try_emplace(target, model);
    const auto order = [](const Found& one) { return std::tuple(-one.beside, one.path); };
    if (!is_new && order(model) < order(known->second)) known->second = std::move(model);
  }

  std::vector<fs::path> inner_;
  std::set<fs::path> known_;
  std::map<fs::path, Found> found_;  // by what their links lead to, and their names
};

std::vector<std::string> file_names(const std::vector<fs::path>& entries) {
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
  auto models = search.models();
  if (models.empty()) return Error{folder.string() + ": the folder has no GGUF file of a model"};
  return models;
}

std::vector<std::string> names_in_folders(const std::vector<FoundModel>& models) {
  const auto inner = [](const FoundModel& model) {
    return model.path.lexically_relative(model.folder).replace_extension();
  };
  const std::function<fs::path(const FoundModel&)> ways[] = {
      [&](const FoundModel& model) { return model.path.stem(); }, inner,
      [&](const FoundModel& model) {
        const fs::path folder = fs::absolute(model.folder / "").lexically_normal().parent_path();
        return folder.filename() / inner(model);
      }};
  std::vector<std::string> names(models.size());
  for (const auto& way : ways) {
    std::map<fs::path, int> times;
    for (std::size_t i = 0; i < models.size(); ++i) {
      if (names[i].empty()) ++times[way(models[i])];
    }
    const bool is_last = &way == std::end(ways) - 1;
    for (std::size_t i = 0; i < models.size(); ++i) {
      const fs::path name = way(models[i]);
      if (names[i].empty() && (is_last || times[name] == 1)) names[i] = name.generic_string();
    }
  }
  return names;
}

std::string encoder_beside(const fs::path& model) {
  const fs::path folder = model.parent_path();
  const std::string name = model.filename().string();
  std::error_code ignored;
  const std::vector<fs::path> entries = entries_of(folder.empty() ? "." : folder, ignored);
  const std::vector<std::string> names = file_names(entries);
  if (const auto encoder = hub::choose_encoder(name, names)) return (folder / *encoder).string();
  for (const fs::path& inner : entries) {
    if (!fs::is_directory(inner, ignored)) continue;
    std::vector<std::string> all = file_names(entries_of(inner, ignored));
    if (std::ranges::any_of(all, hub::is_model)) continue;  // whose encoder it would be
    all.insert(all.end(), names.begin(), names.end());
    if (const auto encoder = hub::choose_encoder(name, all)) return (inner / *encoder).string();
  }
  return {};
}

}  // namespace linnet::app
