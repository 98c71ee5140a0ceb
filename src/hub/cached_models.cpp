#include "hub/cached_models.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "hub/cache.hpp"
#include "hub/repo_file.hpp"
#include "hub/repo_scan.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;
using State = CachedModel::State;

// The models in one repo.
class RepoModels {
 public:
  RepoModels(const RepoScan& scan, const CacheSelection& selection, const fs::path& folder)
      : scan_(scan), selection_(selection), folder_(folder) {}

  std::vector<CachedModel> run() {
    if (!selection_.unfinished_only) add_shown();
    // What nothing links to is not known where something could not be seen.
    if (scan_.problems.empty() && selection_.revision.empty()) add_unfinished();
    std::ranges::sort(models_, {}, [](const CachedModel& model) {
      return std::tie(model.file, model.state, model.path);
    });
    return std::move(models_);
  }

 private:
  using Files = std::vector<const RepoScan::File*>;

  bool is_meant(const RepoScan::File& file) const {
    if (!file.name.ends_with(".gguf")) return false;
    if (!selection_.file.empty() && first_part(selection_.file) != first_part(file.name)) {
      return false;
    }
    if (selection_.revision.empty() || selection_.revision == file.commit) return true;
    const auto names = scan_.revisions.find(file.commit);
    return names != scan_.revisions.end() &&
           std::ranges::find(names->second, selection_.revision) != names->second.end();
  }

  // A model that several commits have with the same bytes is one.
  void add_shown() {
    std::map<std::pair<std::string, std::string>, Files> found;  // first part and commit
    for (const RepoScan::File& file : scan_.files) {
      if (is_meant(file)) found[{first_part(file.name), file.commit}].push_back(&file);
    }
    std::map<std::pair<std::string, std::vector<std::string>>, Files> versions;
    for (const auto& [key, files] : found) {
      std::vector<std::string> identity;
      for (const RepoScan::File* file : files) {
        const bool is_own = file->blob.empty() && !file->is_link;
        identity.push_back(file->name + "/" + (is_own ? file->commit : file->blob));
      }
      std::ranges::sort(identity);
      Files& all = versions[{key.first, identity}];
      all.insert(all.end(), files.begin(), files.end());
    }
    for (const auto& [key, files] : versions) models_.push_back(shown_model(key.first, files));
  }

  CachedModel shown_model(const std::string& name, const Files& files) const {
    CachedModel model;
    model.repo = scan_.repo;
    model.file = name;
    model.parts = part_count(name);
    std::set<std::string> commits, names, blobs;
    bool leads_nowhere = false;
    for (const RepoScan::File* file : files) {
      commits.insert(file->commit);
      names.insert(file->name);
      model.files.push_back({file->commit, file->name});
      model.last_used = std::max(model.last_used, file->last_used);
      leads_nowhere = leads_nowhere || file->leads_nowhere;
      const bool is_counted = !file->blob.empty() && !blobs.insert(file->blob).second;
      if (!is_counted) model.size_bytes += file->size_bytes;
      model.is_shared |= !file->blob.empty() && scan_.blobs.at(file->blob).is_shared;
    }
    const bool is_whole = names.size() == model.parts && !leads_nowhere;
    model.state = is_whole ? State::kWhole : State::kDamaged;
    model.blobs.assign(blobs.begin(), blobs.end());
    for (const std::string& commit : commits) {
      const auto known = scan_.revisions.find(commit);
      if (known == scan_.revisions.end()) continue;
      model.revisions.insert(model.revisions.end(), known->second.begin(), known->second.end());
    }
    if (model.revisions.empty()) model.revisions.assign(commits.begin(), commits.end());
    model.path = folder_ / "snapshots" / *commits.begin() / *names.begin();
    return model;
  }

  // Of a split model the first parts may be whole, while no snapshot shows them yet.
  void add_unfinished() {
    for (const auto& [name, blob] : scan_.blobs) {
      if (blob.links > 0 || !blob.may_be_model) continue;
      if (!selection_.file.empty() && selection_.file != name) continue;
      CachedModel model;
      model.repo = scan_.repo;
      model.file = name;
      model.state = State::kUnfinished;
      model.size_bytes = blob.size_bytes;
      model.last_used = blob.last_used;
      model.path = folder_ / "blobs" / name;
      model.blobs = {name};
      models_.push_back(std::move(model));
    }
  }

  const RepoScan& scan_;
  const CacheSelection& selection_;
  const fs::path folder_;
  std::vector<CachedModel> models_;
};

// What the models take, and what of it goes with them.
void add_sizes(const RepoScan& scan, const std::vector<CachedModel>& models, CachedModels& all) {
  std::map<std::string, std::size_t> links;  // of each blob, from the models
  for (const CachedModel& model : models) {
    for (const std::string& blob : model.blobs) links[blob];
  }
  std::set<std::pair<std::string, std::string>> files;
  for (const CachedModel& model : models) {
    for (const CachedModel::File& file : model.files) files.insert({file.commit, file.name});
  }
  for (const RepoScan::File& file : scan.files) {
    if (!files.contains({file.commit, file.name})) continue;
    if (!file.blob.empty()) {
      ++links[file.blob];
    } else {
      all.size_bytes += file.size_bytes;
      all.freed_bytes += file.size_bytes;
    }
  }
  for (const auto& [name, count] : links) {
    const RepoScan::Blob& blob = scan.blobs.at(name);
    all.size_bytes += blob.size_bytes;
    if (blob.links == count && !blob.is_shared) all.freed_bytes += blob.size_bytes;
  }
}

void add_repo(const Folder& root, const std::string& name, const CacheSelection& selection,
              CachedModels& all) {
  const auto repo = repo_of_folder(name);
  if (!repo || (!selection.repo.empty() && *repo != selection.repo)) return;
  const auto folder = root.enter(name);
  if (!folder) {
    all.notes.push_back(folder.error().message);
    return;
  }
  const RepoScan scan = scan_repo(*folder, *repo);
  all.notes.insert(all.notes.end(), scan.problems.begin(), scan.problems.end());
  std::vector<CachedModel> models = RepoModels(scan, selection, folder->path()).run();
  add_sizes(scan, models, all);
  std::ranges::move(models, std::back_inserter(all.models));
}

}  // namespace

Result<CachedModels> list_cached_models(const fs::path& root, const CacheSelection& selection) {
  CachedModels all;
  std::error_code failure;
  if (fs::status(root, failure).type() == fs::file_type::not_found) return all;
  const auto folder = Folder::open(root);
  if (!folder) return folder.error();
  const auto entries = folder->entries();
  if (!entries) return entries.error();
  for (const Folder::Entry& entry : *entries) {
    add_repo(*folder, entry.name, selection, all);
  }
  std::ranges::stable_sort(all.models, {}, &CachedModel::repo);
  return all;
}

}  // namespace linnet::hub
