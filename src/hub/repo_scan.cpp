#include "hub/repo_scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "hub/cache.hpp"
#include "hub/repo_file.hpp"

namespace linnet::hub {
namespace {

constexpr std::string_view kMagic = "GGUF";
// No repo of the Hub has more, and each takes a descriptor.
constexpr int kMostFolders = 64;
constexpr std::size_t kCommitDigits = 40;

std::uint64_t size_of(const struct stat& status) {
  return status.st_size > 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// Not every file system keeps the time of reading.
std::time_t last_used(const struct stat& status) {
  return std::max(status.st_atime, status.st_mtime);
}

class Scanner {
 public:
  Scanner(const Folder& folder, const std::string& repo) : folder_(folder) { scan_.repo = repo; }

  RepoScan run() {
    scan_blobs();
    for_each_file("snapshots", [&](const Folder& folder, const std::string& path,
                                   const Folder::Entry& entry) { add(folder, path, entry); });
    for_each_file("refs",
                  [&](const Folder& folder, const std::string& path, const Folder::Entry& entry) {
                    const std::string commit = folder.beginning(entry.name, kCommitDigits);
                    if (S_ISREG(entry.status.st_mode) && is_commit(commit)) {
                      scan_.revisions[commit].push_back(path);
                    }
                  });
    look_into_unlinked_blobs();
    return std::move(scan_);
  }

 private:
  using Visit = std::function<void(const Folder&, const std::string& path, const Folder::Entry&)>;
  using Identity = std::pair<dev_t, ino_t>;

  // Nothing where it is missing or cannot be read.
  std::optional<Folder> enter(const std::string& name) {
    auto folder = folder_.enter_if_there(name);
    if (folder) return std::move(*folder);
    scan_.problems.push_back(folder.error().message);
    return std::nullopt;
  }

  std::vector<Folder::Entry> entries(const Folder& folder) {
    auto entries = folder.entries();
    if (entries) return std::move(*entries);
    scan_.problems.push_back(entries.error().message);
    return {};
  }

  void scan_blobs() {
    const auto folder = enter("blobs");
    if (!folder) return;
    for (const Folder::Entry& entry : entries(*folder)) {
      const bool is_link = S_ISLNK(entry.status.st_mode);
      const auto file = is_link ? folder->target(entry.name) : entry.status;
      if (!file || !S_ISREG(file->st_mode) || !is_etag(entry.name)) continue;
      RepoScan::Blob& blob = scan_.blobs[entry.name];
      blob.size_bytes = size_of(*file);
      blob.is_shared = is_link || file->st_nlink > 1;
      blob.is_unfinished = entry.name.ends_with(Cache::kUnfinished);
      blob.last_used = blob.is_unfinished ? file->st_mtime : last_used(*file);
      names_[{file->st_dev, file->st_ino}].push_back(entry.name);
    }
  }

  void for_each_file(const std::string& name, const Visit& visit) {
    const auto folder = enter(name);
    if (folder) walk(*folder, "", visit, kMostFolders);
  }

  // `path` is that of `folder`, empty or with a slash at its end.
  void walk(const Folder& folder, const std::string& path, const Visit& visit, int most) {
    for (const Folder::Entry& entry : entries(folder)) {
      if (!S_ISDIR(entry.status.st_mode)) {
        visit(folder, path + entry.name, entry);
      } else if (most == 0) {
        scan_.problems.push_back(fmt::format("{}: has more than {} folders in each other",
                                             folder.path().string(), kMostFolders));
        return;
      } else if (const auto inner = folder.enter(entry.name)) {
        walk(*inner, path + entry.name + "/", visit, most - 1);
      } else {
        scan_.problems.push_back(inner.error().message);
      }
    }
  }

  // A file of a snapshot, COMMIT/NAME.
  void add(const Folder& folder, const std::string& path, const Folder::Entry& entry) {
    const bool is_link = S_ISLNK(entry.status.st_mode);
    if (!is_link && !S_ISREG(entry.status.st_mode)) return;
    const auto slash = path.find('/');
    if (slash == path.npos) return;  // belongs to no commit
    RepoScan::File file{.commit = path.substr(0, slash),
                        .name = path.substr(slash + 1),
                        .blob = {},
                        .is_link = is_link,
                        .leads_nowhere = false,
                        .size_bytes = is_link ? 0 : size_of(entry.status),
                        .last_used = last_used(entry.status)};
    const auto target = folder.target(entry.name);
    file.leads_nowhere = !target || !S_ISREG(target->st_mode);
    const auto blob = target ? names_.find({target->st_dev, target->st_ino}) : names_.end();
    if (blob != names_.end()) {
      for (const std::string& name : blob->second) ++scan_.blobs[name].links;
      file.blob = blob->second.front();
      const RepoScan::Blob& linked = scan_.blobs[file.blob];
      file.size_bytes = linked.size_bytes;
      file.last_used = linked.last_used;
    }
    scan_.files.push_back(std::move(file));
  }

  void look_into_unlinked_blobs() {
    if (scan_.blobs.empty()) return;
    const auto folder = enter("blobs");
    if (!folder) return;
    for (auto& [name, blob] : scan_.blobs) {
      if (blob.links > 0) continue;
      const std::string beginning = folder->beginning(name, kMagic.size());
      const bool has_not_begun = blob.is_unfinished && beginning.size() < kMagic.size();
      blob.may_be_model = beginning == kMagic || (has_not_begun && !blob.is_shared);
    }
  }

  const Folder& folder_;
  RepoScan scan_;
  std::map<Identity, std::vector<std::string>> names_;  // of blobs, more than one if hard-linked
};

}  // namespace

std::optional<std::string> repo_of_folder(const std::string& name) {
  if (!name.starts_with(Cache::kFolderPrefix)) return std::nullopt;
  std::string repo = name.substr(Cache::kFolderPrefix.size());
  const auto dashes = repo.find("--");
  if (dashes != repo.npos) repo = repo.substr(0, dashes) + "/" + repo.substr(dashes + 2);
  if (!check_repo(repo)) return std::nullopt;
  return repo;
}

RepoScan scan_repo(const Folder& folder, const std::string& repo) {
  return Scanner(folder, repo).run();
}

}  // namespace linnet::hub
