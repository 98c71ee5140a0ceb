#include "hub/file_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "hub/interruption.hpp"

namespace linnet::hub {
namespace {

constexpr std::chrono::milliseconds kPause(100);

// Some lockers delete the file when they are done: then a lock on the old file locks nothing.
bool is_still_named(int descriptor, const std::filesystem::path& path) {
  struct stat own {};
  struct stat named {};
  return fstat(descriptor, &own) == 0 && stat(path.c_str(), &named) == 0 &&
         own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& path,
                                   const std::function<bool()>& keep_waiting) {
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);
  while (true) {
    FileLock lock(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (lock.descriptor_ < 0) {
      return Error{fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno))};
    }
    if (flock(lock.descriptor_, LOCK_EX | LOCK_NB) == 0) {
      if (is_still_named(lock.descriptor_, path)) return lock;
    } else if (errno != EWOULDBLOCK && errno != EINTR) {
      return Error{fmt::format("{}: cannot be locked: {}", path.string(), std::strerror(errno))};
    }
    if (!keep_waiting()) return interruption();
    std::this_thread::sleep_for(kPause);
  }
}

Result<FileLock> FileLock::share_folder(const std::filesystem::path& path,
                                        const std::function<bool()>& keep_waiting) {
  return lock_folder(path, LOCK_SH, keep_waiting);
}

Result<FileLock> FileLock::own_folder(const std::filesystem::path& path,
                                      const std::function<bool()>& keep_waiting) {
  return lock_folder(path, LOCK_EX, keep_waiting);
}

Result<FileLock> FileLock::lock_folder(const std::filesystem::path& path, int operation,
                                       const std::function<bool()>& keep_waiting) {
  FileLock lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (lock.descriptor_ < 0) {
    return Error{fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno))};
  }
  while (flock(lock.descriptor_, operation | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;
    if (!keep_waiting()) return interruption();
    std::this_thread::sleep_for(kPause);
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace linnet::hub
