#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "hub/http_client.hpp"
#include "hub/repo_file.hpp"
#include "hub/settings.hpp"

namespace linnet::hub {

/// A file as the Hub has it.
struct RemoteFile {
  std::string name;
  std::string url;     ///< of exactly this version
  std::string commit;  ///< that the revision stands for
  std::string etag;    ///< names the blob in the cache
  std::string sha256;  ///< empty where the Hub tells none (files that are not in LFS)
  std::uint64_t size_bytes = 0;
};

/// What asking for a file gave.
struct LookUp {
  std::optional<RemoteFile> file;
  std::string failure;  ///< why the Hub could not be reached, where there is no file
};

/// Asks the Hub for a file's commit, size and hash. An Error is the Hub's refusal (not there, no
/// access) in words; not reaching it is LookUp::failure.
Result<LookUp> look_up(HttpClient& client, const Settings& settings, const RepoFile& file);

/// What asking for the files of a repo gave.
struct Listing {
  std::optional<std::vector<std::string>> names;
  std::string failure;  ///< why the Hub could not be reached, where there are no names
};

/// The GGUF files in a repo, of split models the first part only. The names are as the Hub tells
/// them, not made safe to show. Errors as look_up().
Result<Listing> list_gguf_files(HttpClient& client, const Settings& settings, const RepoFile& file);

/// An answer that is neither success nor a failed connection, in words.
Error refusal(const HttpAnswer& answer, const Settings& settings, const RepoFile& file);

}  // namespace linnet::hub
