#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "hub/cache.hpp"
#include "hub/cached_models.hpp"
#include "hub/file_lock.hpp"
#include "hub/repo_scan.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;

// A lock that may be waited for, but is not. `busy` says why not.
template <class Acquire>
Result<FileLock> acquire_at_once(const Acquire& acquire, const std::string& busy) {
  bool is_busy = false;
  auto lock = acquire([&] {
    is_busy = true;
    return false;
  });
  if (is_busy) return Error{busy};
  return lock;
}

// What is removed of one repo. Links go before the blob that they lead to: where that is broken
// off, the blob counts as unfinished and can be removed again.
class RepoRemoval {
 public:
  RepoRemoval(const fs::path& root_path, const Folder& root, const std::string& repo,
              CacheRemoval& done)
      : root_(root),
        name_(Cache::folder_name(repo)),
        cache_(root_path, repo),
        repo_(repo),
        done_(done) {}

  void run(const std::vector<const CachedModel*>& models) {
    if (Status status = remove_all(models); !status) fail(status.error());
  }

 private:
  void fail(const Error& error) { done_.errors.push_back(error.message); }

  Status remove_all(const std::vector<const CachedModel*>& models) {
    auto lock = lock_repo();
    if (!lock) return lock.error();
    auto folder = root_.enter(name_);
    if (!folder) return folder.error();
    scan_ = scan_repo(*folder, repo_);
    if (!scan_.problems.empty()) {
      return Error{scan_.problems.front() +
                   ", so it is not known what is still needed, and nothing was removed"};
    }
    for (const RepoScan::File& file : scan_.files) files_[{file.commit, file.name}] = &file;
    for (const CachedModel* model : models) {
      if (Status status = remove_model(*folder, *model); !status) {
        fail(status.error());
      } else {
        ++done_.models;
      }
    }
    tidy(*folder);
    return {};
  }

  // Against Linnet's downloads, which put several files and links into the repo.
  Result<FileLock> lock_repo() const {
    const auto locks = root_.enter_if_there(".locks");
    if (!locks) return locks.error();
    if (*locks) {
      const auto own = (*locks)->enter_if_there(name_);
      if (!own) return own.error();
    }
    std::error_code ignored;  // then it cannot be opened
    fs::create_directories(cache_.locks(), ignored);
    return acquire_at_once(
        [&](const auto& wait) { return FileLock::own_folder(cache_.locks(), wait); },
        fmt::format("{}: another process downloads from this repo, so nothing of it was removed",
                    repo_));
  }

  // Against huggingface_hub's, too.
  Result<FileLock> lock_blob(std::string blob) const {
    if (blob.ends_with(Cache::kUnfinished)) blob.resize(blob.size() - Cache::kUnfinished.size());
    return acquire_at_once(
        [&](const auto& wait) { return FileLock::acquire(cache_.lock(blob), wait); },
        fmt::format("{}: another process downloads {}, so it was not removed", repo_, blob));
  }

  Status remove_model(const Folder& folder, const CachedModel& model) {
    std::vector<const RepoScan::File*> files;
    for (const CachedModel::File& file : model.files) {
      const auto known = files_.find({file.commit, file.name});
      if (known == files_.end()) continue;  // gone already
      const RepoScan::File* const found = known->second;
      const bool is_known =
          found->blob.empty() || std::ranges::find(model.blobs, found->blob) != model.blobs.end();
      if (!is_known) {
        return Error{
            fmt::format("{}: {} was changed meanwhile, so it was not removed", repo_, file.name)};
      }
      files.push_back(found);
    }
    if (Status status = remove_files(folder, files, ""); !status) return status;
    for (const std::string& blob : model.blobs) {
      if (Status status = remove_blob(folder, files, blob); !status) return status;
    }
    return {};
  }

  Status remove_blob(const Folder& folder, const std::vector<const RepoScan::File*>& files,
                     const std::string& blob) {
    const auto known = scan_.blobs.find(blob);
    if (known == scan_.blobs.end()) return {};  // gone already
    auto lock = lock_blob(blob);
    if (!lock) return lock.error();
    if (Status status = remove_files(folder, files, blob); !status) return status;
    if (known->second.links > 0) return still_needed(files, blob);
    auto blobs = folder.enter("blobs");
    if (!blobs) return blobs.error();
    scan_.blobs.erase(known);
    return count(blobs->remove(blob));
  }

  // Another link keeps a blob, which is no failure, but for one that had none.
  Status still_needed(const std::vector<const RepoScan::File*>& files,
                      const std::string& blob) const {
    if (!files.empty()) return {};
    return Error{fmt::format("{}: {} was finished meanwhile, so it was not removed", repo_, blob)};
  }

  // Those that lead to the blob.
  Status remove_files(const Folder& folder, const std::vector<const RepoScan::File*>& files,
                      const std::string& blob) {
    for (const RepoScan::File* file : files) {
      if (file->blob != blob) continue;
      auto snapshots = folder.enter("snapshots");
      if (!snapshots) return snapshots.error();
      if (Status s = count(snapshots->remove_below(file->commit + "/" + file->name)); !s) return s;
      commits_.insert(file->commit);
      if (!blob.empty()) --scan_.blobs.at(blob).links;
    }
    return {};
  }

  Status count(const Result<std::uint64_t>& freed) {
    if (!freed) return freed.error();
    done_.freed_bytes += *freed;
    return {};
  }

  void tidy(const Folder& folder) const {
    for (const std::string& commit : commits_) {
      const auto snapshots = folder.enter_if_there("snapshots");
      if (!snapshots || (*snapshots && (*snapshots)->target(commit))) continue;
      forget(folder, commit);
    }
    if (!is_bare(folder) || is_downloading()) return;
    for (const auto& [commit, names] : scan_.revisions) forget(folder, commit);
    folder.remove_if_empty("refs");
    if (const auto refs = folder.enter_if_there("refs"); !refs || *refs) return;
    folder.remove_if_empty("blobs");
    folder.remove_if_empty("snapshots");
    root_.remove_if_empty(name_);
  }

  // The branches and tags that stand for a commit of which nothing is there.
  void forget(const Folder& folder, const std::string& commit) const {
    const auto known = scan_.revisions.find(commit);
    const auto refs = folder.enter_if_there("refs");
    if (known == scan_.revisions.end() || !refs || !*refs) return;
    for (const std::string& name : known->second) {
      // It is gone already, or stays and stands for nothing.
      [[maybe_unused]] const auto ignored = (*refs)->remove_below(name);
    }
  }

  // What huggingface_hub holds the lock of is about to come.
  bool is_downloading() const {
    const auto folder = Folder::open(cache_.locks());
    const auto entries =
        folder ? folder->entries() : Result<std::vector<Folder::Entry>>(folder.error());
    return !entries || !std::ranges::all_of(*entries, [&](const Folder::Entry& entry) {
      return FileLock::acquire(cache_.locks() / entry.name, [] { return false; }).ok();
    });
  }

  // Whether branches and tags are all that is left.
  static bool is_bare(const Folder& folder) {
    constexpr std::array<std::string_view, 3> kParts = {"blobs", "refs", "snapshots"};
    const auto entries = folder.entries();
    if (!entries) return false;
    return std::ranges::all_of(*entries, [&](const Folder::Entry& entry) {
      if (entry.name == "refs") return true;
      if (std::ranges::find(kParts, entry.name) == kParts.end()) return false;
      const auto part = folder.enter(entry.name);
      const auto inner = part ? part->entries() : Result<std::vector<Folder::Entry>>(part.error());
      return inner && inner->empty();
    });
  }

  const Folder& root_;
  const std::string name_;  // of the repo's folder
  const Cache cache_;
  const std::string repo_;
  CacheRemoval& done_;
  RepoScan scan_;  // links are counted down
  std::map<std::pair<std::string, std::string>, const RepoScan::File*> files_;
  std::set<std::string> commits_;  // of which something was removed
};

}  // namespace

CacheRemoval remove_cached_models(const fs::path& root, const std::vector<CachedModel>& models) {
  CacheRemoval done;
  const auto folder = Folder::open(root);
  if (!folder) {
    done.errors.push_back(folder.error().message);
    return done;
  }
  std::map<std::string, std::vector<const CachedModel*>> by_repo;
  for (const CachedModel& model : models) by_repo[model.repo].push_back(&model);
  for (const auto& [repo, of_repo] : by_repo) {
    RepoRemoval(root, *folder, repo, done).run(of_repo);
  }
  return done;
}

}  // namespace linnet::hub
