#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "hub/model_preview.hpp"
#include "hub/repo_file.hpp"
#include "hub/settings.hpp"

namespace linnet::hub {

/// How far a download is.
struct Progress {
  std::string file;                  ///< that is being fetched
  std::uint64_t done_bytes = 0;      ///< of all files, what earlier runs left included
  std::uint64_t total_bytes = 0;     ///< of all files that were not there yet; 0: not yet known
  std::uint64_t received_bytes = 0;  ///< over the network, by this run
  bool waiting = false;              ///< for another process that fetches the same file
};

/// What a download reports while it runs; each may be empty.
struct Events {
  /// Called several times a second; false interrupts (what is there is kept and taken up again).
  std::function<bool(const Progress&)> progress;
  /// Called once before the bulk of a GGUF file is transferred; an Error ends the download.
  std::function<Status(const ModelPreview&)> preview;
  /// Something that the person should know, one sentence.
  std::function<void(const std::string&)> note;
};

/// The path of a file of the Hub on this machine: from the cache if it is there and up to date,
/// else downloaded into it, verified (size, and SHA-256 where the Hub tells it) before it gets its
/// name. A split model comes whole, and the path is that of its first part. Without network a file
/// that was fetched before is used, with a note. Safe against other processes that do the same.
Result<std::filesystem::path> fetch(const RepoFile& file, const Settings& settings,
                                    const Events& events = {});

/// The GGUF files that a repo has, of split models the first part only; where the Hub cannot be
/// asked, those that were fetched earlier. `keep_going` is asked several times a second; false ends
/// it with an Error.
Result<std::vector<std::string>> list_models(const std::string& repo, const std::string& revision,
                                             const Settings& settings,
                                             const std::function<bool()>& keep_going = {});

}  // namespace linnet::hub
