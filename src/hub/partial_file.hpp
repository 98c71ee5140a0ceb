#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "hub/sha256.hpp"

namespace linnet::hub {

/// A file that grows from front to back and gets its name only when it is whole and right. What an
/// earlier run left is taken up again. Errors name the file.
class PartialFile {
 public:
  /// Opens `path` or makes it, and hashes what is there; what is longer than `whole_bytes` is
  /// thrown away. `keep_going` is asked while it hashes; an Error if that says no.
  static Result<PartialFile> open(const std::filesystem::path& path, std::uint64_t whole_bytes,
                                  const std::function<bool()>& keep_going);

  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile();

  std::uint64_t size_bytes() const { return size_bytes_; }
  std::string sha256() const { return hash_.hex(); }
  const std::filesystem::path& path() const { return path_; }

  Status append(std::span<const std::byte> bytes);
  /// Begins again with nothing.
  Status restart();
  /// Puts everything on the disk and gives the file its name.
  Status publish(const std::filesystem::path& name);
  /// Deletes the file.
  void discard();

 private:
  PartialFile(std::filesystem::path path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}
  Status hash_existing(std::uint64_t count, const std::function<bool()>& keep_going);
  Error error(std::string_view what) const;

  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t size_bytes_ = 0;
  Sha256 hash_;
};

/// The first `count` bytes of a file (fewer where it is shorter).
Result<std::vector<std::byte>> read_first(const std::filesystem::path& path, std::uint64_t count);

}  // namespace linnet::hub
