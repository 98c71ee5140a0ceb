#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace linnet::hub {

/// A GGUF model in the cache, or what an unfinished download left of one.
struct CachedModel {
  enum class State {
    kWhole,
    kUnfinished,  ///< no snapshot shows it yet: a part of a file, or of the files of a split model
    kDamaged,     ///< a file of it is missing, or a link leads nowhere
  };
  /// One of its files: a path in the snapshot of a commit.
  struct File {
    std::string commit;
    std::string name;
  };

  std::string repo;
  std::string file;  ///< its name, of a split model that of the first part; unfinished: of the blob
  State state = State::kWhole;
  std::vector<std::string> revisions;  ///< branches and tags that have it; else commits
  std::size_t parts = 1;
  std::uint64_t size_bytes = 0;  ///< 0 where a snapshot leads out of its repo
  bool is_shared = false;        ///< the bytes are not the repo's alone
  std::time_t last_used = 0;
  std::filesystem::path path;  ///< of the (first) file

  std::vector<File> files;         ///< in all commits that have it
  std::vector<std::string> blobs;  ///< that the files lead to
};

/// Which models are meant; an empty name means all.
struct CacheSelection {
  std::string repo = {};
  std::string file = {};      ///< of a split model any part
  std::string revision = {};  ///< branch, tag or commit
  bool unfinished_only = false;
};

struct CachedModels {
  std::vector<CachedModel> models;  ///< sorted by repo and file
  std::uint64_t size_bytes = 0;     ///< of all of them, what they share counted once
  std::uint64_t freed_bytes = 0;    ///< of these the repos' own that nothing else needs
  std::vector<std::string> notes;   ///< what could not be looked at, a sentence each
};

/// The models in the cache at `root`, which need not exist. Whatever lies there, and whoever put it
/// there, nothing outside is looked into.
Result<CachedModels> list_cached_models(const std::filesystem::path& root,
                                        const CacheSelection& selection = {});

/// What remove_cached_models() did.
struct CacheRemoval {
  std::size_t models = 0;  ///< that are gone
  std::uint64_t freed_bytes = 0;
  std::vector<std::string> errors;  ///< why others are not, a sentence each
};

/// Removes models that list_cached_models() gave: their links, blobs that nothing else links to,
/// folders that are empty then, and branches and tags of snapshots that are gone. A repo into which
/// another process downloads is left alone.
CacheRemoval remove_cached_models(const std::filesystem::path& root,
                                  const std::vector<CachedModel>& models);

}  // namespace linnet::hub
