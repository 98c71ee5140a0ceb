#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>

#include "base/result.hpp"

namespace linnet {

/// A file that gets its name only when it is complete: what stood under the name before stays until
/// then, and an unfinished one is removed. Only a regular file is ever replaced, never a device or
/// a folder. Errors name the file and say why it can't be written.
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
  Status check();

  std::filesystem::path path_, temporary_;
  bool is_replaceable_;
  std::ofstream out_;
  bool finished_ = false;
};

}  // namespace linnet
