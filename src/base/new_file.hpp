#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/result.hpp"

namespace linnet {

/// A file that gets its name only when it is complete: what stood under the name before stays until
/// then, and an unfinished one is removed. Only a regular file is ever replaced, and its
/// permissions stay; behind a link that is the file where it leads. What is written to a device or
/// a pipe goes straight there. Errors name the file and say why it can't be written; a pipe that
/// nobody reads is one.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  Status write(std::span<const std::byte> bytes);
  /// Call once, after the last write.
  Status finish();

 private:
  void open();
  Status status() const;

  std::filesystem::path path_, target_, temporary_;
  bool is_replaceable_;
  int descriptor_ = -1;
  int error_ = 0;  ///< errno of the first failure
  bool finished_ = false;
};

}  // namespace linnet
