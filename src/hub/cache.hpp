#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "hub/file_lock.hpp"

namespace linnet::hub {

/// The folder of one repo in the cache, laid out as huggingface_hub does it:
/// models--OWNER--NAME/ with blobs/ETAG (the bytes), snapshots/COMMIT/FILE (links to blobs) and
/// refs/REVISION (the commit that a branch or tag stood for when it was last asked).
/// Arguments must have passed the checks of repo_file.hpp and is_etag.
class Cache {
 public:
  static constexpr std::string_view kFolderPrefix = "models--";
  static constexpr std::string_view kUnfinished = ".incomplete";  ///< behind ETAG, of a partial()

  /// The name of the repo's folder.
  static std::string folder_name(std::string repo);

  Cache(const std::filesystem::path& root, const std::string& repo);

  std::filesystem::path blobs() const;  ///< the folder of the blobs
  std::filesystem::path locks() const;  ///< the folder of the locks
  std::filesystem::path blob(const std::string& etag) const;
  std::filesystem::path partial(const std::string& etag) const;  ///< a blob that is not yet whole
  std::filesystem::path lock(const std::string& etag) const;
  std::filesystem::path snapshot(const std::string& commit, const std::string& name) const;

  /// Where the file lies, if it is there in the revision as it was last asked.
  std::optional<std::filesystem::path> find(const std::string& revision,
                                            const std::string& name) const;
  /// The names of all files that are there in that revision, sorted.
  std::vector<std::string> names(const std::string& revision) const;

  /// Makes the folders that the paths above lie in. While the lock lives, nobody removes what is in
  /// them; waits where somebody does, as FileLock::acquire.
  Result<FileLock> prepare(const std::function<bool()>& keep_waiting) const;
  /// Makes the snapshot's link to a blob.
  Status link(const std::string& etag, const std::string& commit, const std::string& name) const;
  /// Remembers the commit that `revision` stands for. Writes nothing where that is known.
  Status remember(const std::string& revision, const std::string& commit) const;

 private:
  std::optional<std::string> commit_of(const std::string& revision) const;

  std::filesystem::path folder_;
  std::filesystem::path locks_;
};

/// True for what may name a blob.
bool is_etag(const std::string& text);

}  // namespace linnet::hub
