#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace linnet::hub {

/// An open folder. It is asked for single names, and no link is followed on the way into it, so
/// that nothing which is done here happens elsewhere, also where somebody puts links into the place
/// of folders meanwhile. Errors name the file.
class Folder {
 public:
  struct Entry {
    std::string name;
    struct stat status;  ///< of itself, where it is a link
  };

  /// `path` itself may be a link: it is what the user set.
  static Result<Folder> open(const std::filesystem::path& path);
  /// A folder in this one; an Error where that is a link.
  Result<Folder> enter(const std::string& name) const;
  /// The same; nothing where there is none of that name.
  Result<std::optional<Folder>> enter_if_there(const std::string& name) const;

  Folder(Folder&& other) noexcept;
  Folder& operator=(Folder&&) = delete;
  ~Folder();

  const std::filesystem::path& path() const { return path_; }

  /// All that is in it, sorted by name.
  Result<std::vector<Entry>> entries() const;
  /// What `name` leads to; nothing where that is not there.
  std::optional<struct stat> target(const std::string& name) const;
  /// The first bytes of a file, at most `most`; empty where it cannot be read.
  std::string beginning(const std::string& name, std::size_t most) const;

  /// Removes the file or link; gives the bytes that are free then.
  Result<std::uint64_t> remove(const std::string& name) const;
  /// Removes a folder if it is empty, and says whether it was.
  bool remove_if_empty(const std::string& name) const;
  /// remove() of a file in folders below this one, "a/b/file", and then of the folders that are
  /// empty.
  Result<std::uint64_t> remove_below(std::string_view name) const;

 private:
  Folder(std::filesystem::path path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}
  Error error(const std::string& name, std::string_view what) const;

  std::filesystem::path path_;  // for messages
  int descriptor_;
};

}  // namespace linnet::hub
