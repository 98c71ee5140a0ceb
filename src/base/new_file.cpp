#include "base/new_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace linnet {
namespace {

constexpr mode_t kPermissions = 0666;  // of which the user's mask takes away

bool is_absent_or_regular(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  return !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
}

std::filesystem::path behind_links(const std::filesystem::path& path) {
  std::error_code absent;
  std::filesystem::path target = std::filesystem::canonical(path, absent);
  return absent ? path : target;
}

}  // namespace

// The name of the unfinished file is this process's own: two may write the same file.
NewFile::NewFile(const std::filesystem::path& path)
    : path_(path),
      target_(behind_links(path)),
      temporary_(fmt::format("{}.part-{}", target_.string(), getpid())),
      is_replaceable_(is_absent_or_regular(path)) {
  open();
}

void NewFile::open() {
  if (is_replaceable_) {
    descriptor_ =
        ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kPermissions);
    struct stat before {};
    if (descriptor_ >= 0 && stat(target_.c_str(), &before) == 0) {
      fchmod(descriptor_, before.st_mode & 0777);  // what was private stays so
    }
  } else {
    // Opening a pipe without a reader would wait for one.
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor_ >= 0) fcntl(descriptor_, F_SETFL, 0);
  }
  if (descriptor_ < 0) error_ = errno;
}

NewFile::~NewFile() {
  if (descriptor_ >= 0) close(descriptor_);
  std::error_code ignored;
  if (is_replaceable_ && !finished_) std::filesystem::remove(temporary_, ignored);
}

Status NewFile::write(std::span<const std::byte> bytes) {
  while (error_ == 0 && !bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  return status();
}

Status NewFile::finish() {
  if (descriptor_ >= 0 && close(std::exchange(descriptor_, -1)) != 0 && error_ == 0) error_ = errno;
  if (Status failure = status(); !failure) return failure;
  if (is_replaceable_) {
    std::error_code error;
    std::filesystem::rename(temporary_, target_, error);
    if (error) return Error{fmt::format("{}: {}", path_.string(), error.message())};
  }
  finished_ = true;
  return {};
}

Status NewFile::status() const {
  if (error_ == 0) return {};
  return Error{fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(error_))};
}

}  // namespace linnet
