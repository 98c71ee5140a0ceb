#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/folder.hpp"

namespace linnet::hub {

/// What lies in the cache of one repo (the layout is told in cache.hpp), whoever put it there. It
/// is read without trust: a link counts as one to a blob only if it leads to the very file.
struct RepoScan {
  struct Blob {
    std::uint64_t size_bytes = 0;
    std::time_t last_used = 0;
    std::size_t links = 0;  ///< from snapshots
    /// Its bytes have another place or name, too: newer huggingface_hub keep in a store what
    /// several repos have.
    bool is_shared = false;
    bool is_unfinished = false;  ///< "ETAG.incomplete"
    bool may_be_model = false;   ///< begins as a GGUF file, or has not begun; only of those
                                 ///< that nothing links to
  };
  /// A file in a snapshot.
  struct File {
    std::string commit;
    std::string name;
    std::string blob;              ///< that it leads to; empty: none of this repo
    bool is_link = false;          ///< else the bytes are in the snapshot itself
    bool leads_nowhere = false;    ///< a link to what is no file
    std::uint64_t size_bytes = 0;  ///< of what lies in the cache
    std::time_t last_used = 0;
  };

  std::string repo;
  std::map<std::string, Blob> blobs;  ///< by their names
  std::vector<File> files;
  std::map<std::string, std::vector<std::string>> revisions;  ///< branches and tags of a commit
  /// Why something could not be seen. Then it is not known which blobs nothing links to.
  std::vector<std::string> problems;
};

/// The repo that has this folder in the cache; nothing for a folder of another kind.
std::optional<std::string> repo_of_folder(const std::string& name);

/// `folder` is that of `repo`.
RepoScan scan_repo(const Folder& folder, const std::string& repo);

}  // namespace linnet::hub
