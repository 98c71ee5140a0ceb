#include "hub/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace linnet::hub {
namespace {

struct CloseStream {
  void operator()(DIR* stream) const { closedir(stream); }
};

bool is_dots(std::string_view name) { return name == "." || name == ".."; }

}  // namespace

Error Folder::error(const std::string& name, std::string_view what) const {
  const int number = errno;
  return Error{fmt::format("{}: {}: {}", (path_ / name).string(), what, std::strerror(number))};
}

Result<Folder> Folder::open(const std::filesystem::path& path) {
  Folder folder(path, ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.descriptor_ >= 0) return folder;
  return Error{fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno))};
}

Result<Folder> Folder::enter(const std::string& name) const {
  Folder folder(path_ / name,
                openat(descriptor_, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder.descriptor_ >= 0) return folder;
  struct stat status {};
  const int why = errno;
  if (fstatat(descriptor_, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    const std::string place = (path_ / name).string();
    if (S_ISLNK(status.st_mode)) return Error{place + ": is a link, which is not followed"};
    if (!S_ISDIR(status.st_mode)) return Error{place + ": is not a folder"};
  }
  errno = why;
  return error(name, "cannot be read");
}

Result<std::optional<Folder>> Folder::enter_if_there(const std::string& name) const {
  struct stat status {};
  if (fstatat(descriptor_, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
    return std::optional<Folder>();
  }
  auto folder = enter(name);
  if (!folder) return folder.error();
  return std::optional<Folder>(std::move(*folder));
}

Folder::Folder(Folder&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

Folder::~Folder() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<std::vector<Folder::Entry>> Folder::entries() const {
  // A description of its own, that every call begins at the front.
  const int descriptor = openat(descriptor_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseStream> stream(descriptor < 0 ? nullptr : fdopendir(descriptor));
  if (!stream) {
    const Error problem = error("", "cannot be read");
    if (descriptor >= 0) close(descriptor);
    return problem;
  }
  std::vector<Entry> entries;
  errno = 0;
  while (const dirent* found = readdir(stream.get())) {
    Entry entry{found->d_name, {}};
    const bool is_there =
        fstatat(descriptor_, found->d_name, &entry.status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_there && errno != ENOENT) return error(entry.name, "cannot be examined");
    if (is_there && !is_dots(entry.name)) entries.push_back(std::move(entry));
    errno = 0;
  }
  if (errno != 0) return error("", "cannot be read");
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

std::optional<struct stat> Folder::target(const std::string& name) const {
  struct stat status {};
  if (fstatat(descriptor_, name.c_str(), &status, 0) != 0) return std::nullopt;
  return status;
}

std::string Folder::beginning(const std::string& name, std::size_t most) const {
  // What is no file, a pipe for one, may not make us wait. It is not "used" by being looked at.
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int descriptor = openat(descriptor_, name.c_str(), kFlags | O_NOATIME);
  if (descriptor < 0 && errno == EPERM) descriptor = openat(descriptor_, name.c_str(), kFlags);
  if (descriptor < 0) return {};
  std::string bytes(most, '\0');
  const ssize_t count = pread(descriptor, bytes.data(), most, 0);
  close(descriptor);
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return bytes;
}

Result<std::uint64_t> Folder::remove(const std::string& name) const {
  struct stat status {};
  if (fstatat(descriptor_, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      unlinkat(descriptor_, name.c_str(), 0) != 0) {
    return error(name, "cannot be removed");
  }
  // Under another name its bytes stay.
  const bool is_free = S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_size > 0;
  return is_free ? static_cast<std::uint64_t>(status.st_size) : 0;
}

bool Folder::remove_if_empty(const std::string& name) const {
  return unlinkat(descriptor_, name.c_str(), AT_REMOVEDIR) == 0;
}

Result<std::uint64_t> Folder::remove_below(std::string_view name) const {
  const auto slash = name.find('/');
  if (slash == name.npos) return remove(std::string(name));
  const std::string step(name.substr(0, slash));
  auto folder = enter(step);
  if (!folder) return folder.error();
  auto freed = folder->remove_below(name.substr(slash + 1));
  if (freed) remove_if_empty(step);
  return freed;
}

}  // namespace linnet::hub
