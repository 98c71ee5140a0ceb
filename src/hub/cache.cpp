#include "hub/cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <random>

#include "hub/repo_file.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;

Status make_folder(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (!failure) return {};
  return Error{fmt::format("{}: the folder cannot be made: {}", path.string(), failure.message())};
}

// A name in the folder of `path` that nobody else uses: neither another thread nor a process with
// the same number in another container.
fs::path beside(const fs::path& path) {
  std::random_device random;
  return path.parent_path() / fmt::format(".{:08x}{:08x}.new", random(), random());
}

Status replace(const fs::path& from, const fs::path& to) {
  std::error_code failure;
  fs::rename(from, to, failure);
  if (!failure) return {};
  return Error{fmt::format("{}: cannot be made: {}", to.string(), failure.message())};
}

}  // namespace

bool is_etag(const std::string& text) {
  return !text.empty() && text.size() <= 128 && text.front() != '.' &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == text.npos;
}

std::string Cache::folder_name(std::string repo) {
  for (auto slash = repo.find('/'); slash != repo.npos; slash = repo.find('/')) {
    repo.replace(slash, 1, "--");
  }
  return std::string(kFolderPrefix) + repo;
}

Cache::Cache(const fs::path& root, const std::string& repo)
    : folder_(root / folder_name(repo)), locks_(root / ".locks" / folder_name(repo)) {}

fs::path Cache::blobs() const { return folder_ / "blobs"; }

fs::path Cache::locks() const { return locks_; }

fs::path Cache::blob(const std::string& etag) const { return blobs() / etag; }

fs::path Cache::partial(const std::string& etag) const {
  return blob(etag + std::string(kUnfinished));
}

fs::path Cache::lock(const std::string& etag) const { return locks_ / (etag + ".lock"); }

fs::path Cache::snapshot(const std::string& commit, const std::string& name) const {
  return folder_ / "snapshots" / commit / name;
}

std::optional<std::string> Cache::commit_of(const std::string& revision) const {
  constexpr int kLongestWord = 64;  // that is read of what anybody may have put there
  if (is_commit(revision)) return revision;
  const fs::path path = folder_ / "refs" / revision;
  std::error_code absent;
  if (!fs::is_regular_file(path, absent)) return std::nullopt;  // to open a pipe is to wait
  std::ifstream in(path);
  std::string commit;
  if (!(in >> std::setw(kLongestWord) >> commit) || !is_commit(commit)) return std::nullopt;
  return commit;
}

std::optional<fs::path> Cache::find(const std::string& revision, const std::string& name) const {
  const auto commit = commit_of(revision);
  if (!commit) return std::nullopt;
  const fs::path path = snapshot(*commit, name);
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  return path;
}

std::vector<std::string> Cache::names(const std::string& revision) const {
  std::vector<std::string> names;
  const auto commit = commit_of(revision);
  if (!commit) return names;
  const fs::path folder = folder_ / "snapshots" / *commit;
  std::error_code end;
  for (fs::recursive_directory_iterator it(folder, end), last; !end && it != last;
       it.increment(end)) {
    std::error_code absent;  // a link to nothing
    if (it->is_regular_file(absent)) names.push_back(it->path().lexically_relative(folder));
  }
  std::ranges::sort(names);
  return names;
}

Result<FileLock> Cache::prepare(const std::function<bool()>& keep_waiting) const {
  if (Status status = make_folder(locks_); !status) return status.error();
  auto lock = FileLock::share_folder(locks_, keep_waiting);
  if (!lock) return lock.error();
  if (Status status = make_folder(blobs()); !status) return status.error();
  return lock;
}

Status Cache::link(const std::string& etag, const std::string& commit,
                   const std::string& name) const {
  const fs::path path = snapshot(commit, name);
  if (Status status = make_folder(path.parent_path()); !status) return status;
  // Relative, so that the cache can be moved.
  const fs::path target = blob(etag).lexically_relative(path.parent_path());
  const fs::path fresh = beside(path);
  std::error_code failure;
  fs::remove(fresh, failure);
  fs::create_symlink(target, fresh, failure);
  if (failure) {
    return Error{fmt::format("{}: the link cannot be made: {}", path.string(), failure.message())};
  }
  return replace(fresh, path);
}

Status Cache::remember(const std::string& revision, const std::string& commit) const {
  if (commit_of(revision) == commit) return {};
  const fs::path path = folder_ / "refs" / revision;
  if (Status status = make_folder(path.parent_path()); !status) return status;
  const fs::path fresh = beside(path);
  std::ofstream out(fresh, std::ios::trunc);
  out << commit;
  out.close();
  if (!out) return Error{fmt::format("{}: cannot be written", fresh.string())};
  return replace(fresh, path);
}

}  // namespace linnet::hub
