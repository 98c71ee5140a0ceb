#pragma once

#include <filesystem>
#include <functional>

#include "base/result.hpp"

namespace linnet::hub {

/// Keeps other processes (and huggingface_hub, which locks the same way) from working on the same
/// file: an flock on a file of its own, given up when the object or the process ends.
class FileLock {
 public:
  /// Waits until the lock is free, asking `keep_waiting` several times a second; an Error when that
  /// says no, or when the file cannot be made.
  static Result<FileLock> acquire(const std::filesystem::path& path,
                                  const std::function<bool()>& keep_waiting);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace linnet::hub
