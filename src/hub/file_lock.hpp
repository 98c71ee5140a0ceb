#pragma once

#include <filesystem>
#include <functional>

#include "base/result.hpp"

namespace linnet::hub {

/// Keeps other processes (and huggingface_hub, which locks the same way) from working on the same
/// file: an flock on a file of its own, given up when the object or the process ends.
/// A folder is locked itself: shared by those who put something into it and need it to stay, by one
/// alone who removes. (A file system that cannot lock folders, as NFS, is taken for one that did.)
class FileLock {
 public:
  /// Waits until the lock is free, asking `keep_waiting` several times a second; an Error when that
  /// says no, or when the file cannot be made.
  static Result<FileLock> acquire(const std::filesystem::path& path,
                                  const std::function<bool()>& keep_waiting);
  static Result<FileLock> share_folder(const std::filesystem::path& path,
                                       const std::function<bool()>& keep_waiting);
  static Result<FileLock> own_folder(const std::filesystem::path& path,
                                     const std::function<bool()>& keep_waiting);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  static Result<FileLock> lock_folder(const std::filesystem::path& path, int operation,
                                      const std::function<bool()>& keep_waiting);
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace linnet::hub
