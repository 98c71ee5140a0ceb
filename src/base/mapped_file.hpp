#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "base/lost_pages.hpp"
#include "base/result.hpp"

namespace linnet {

/// A file mapped read-only into memory. Immutable, safe to share between threads. If another
/// program cuts it, or its disk fails, it reads as zeros from there on, and check_unchanged() says
/// so.
class MappedFile {
 public:
  /// An Error says why the file cannot be read: it does not exist, is a directory, is empty, ...
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }

  /// Gives the memory of whole pages within `part` back; they are read again when they are touched.
  /// Does nothing if `part` is not a part of bytes().
  void release(std::span<const std::byte> part) const;

  /// An Error if the file was changed or cut since it was opened, or could not be read whole.
  Status check_unchanged() const;

 private:
  /// What identifies a file's content without reading it.
  struct Stamp {
    std::uint64_t size_bytes = 0;
    std::int64_t modified_s = 0;
    std::int64_t modified_ns = 0;
    bool operator==(const Stamp&) const = default;
  };

  MappedFile() = default;
  static Result<Stamp> stamp_of(int descriptor, const std::filesystem::path& path);
  void close();

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::span<const std::byte> bytes_;
  Stamp stamp_;
  std::unique_ptr<LostPages> lost_pages_;
};

}  // namespace linnet
