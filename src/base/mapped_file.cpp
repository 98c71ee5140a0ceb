#include "base/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace linnet {
namespace {

Error system_error(const std::filesystem::path& path, std::string_view what) {
  return Error{fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno))};
}

}  // namespace

Result<MappedFile::Stamp> MappedFile::stamp_of(int descriptor, const std::filesystem::path& path) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return system_error(path, "cannot be examined");
  if (S_ISDIR(status.st_mode)) {
    return Error{fmt::format("{}: is a directory, expected a file", path.string())};
  }
  if (!S_ISREG(status.st_mode)) {
    return Error{fmt::format("{}: is not a regular file", path.string())};
  }
  return Stamp{static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec,
               status.st_mtim.tv_nsec};
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  MappedFile file;
  file.path_ = path;
  // Non-blocking, so that a named pipe is refused below rather than waited for.
  file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.descriptor_ < 0) {
    if (errno == ENOENT) return Error{fmt::format("{}: there is no such file", path.string())};
    return system_error(path, "cannot be opened");
  }
  auto stamp = stamp_of(file.descriptor_, path);
  if (!stamp) return stamp.error();
  file.stamp_ = *stamp;
  if (stamp->size_bytes == 0) return Error{fmt::format("{}: is empty", path.string())};
  void* address =
      mmap(nullptr, stamp->size_bytes, PROT_READ, MAP_SHARED, file.descriptor_, /*offset=*/0);
  if (address == MAP_FAILED) return system_error(path, "cannot be mapped");
  file.bytes_ = {static_cast<const std::byte*>(address),
                 static_cast<std::size_t>(stamp->size_bytes)};
  file.lost_pages_ = std::make_unique<LostPages>(file.bytes_);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      bytes_(std::exchange(other.bytes_, {})),
      stamp_(other.stamp_),
      lost_pages_(std::move(other.lost_pages_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this == &other) return *this;
  close();
  path_ = std::move(other.path_);
  descriptor_ = std::exchange(other.descriptor_, -1);
  bytes_ = std::exchange(other.bytes_, {});
  stamp_ = other.stamp_;
  lost_pages_ = std::move(other.lost_pages_);
  return *this;
}

MappedFile::~MappedFile() { close(); }

void MappedFile::close() {
  lost_pages_.reset();
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.data() < bytes_.data() || part.data() + part.size() > bytes_.data() + bytes_.size()) {
    return;
  }
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto first = static_cast<std::size_t>(part.data() - bytes_.data());  // is on a page
  const std::size_t begin = (first + page - 1) / page * page;
  const std::size_t end = (first + part.size()) / page * page;
  if (begin >= end) return;
  madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
}

Status MappedFile::check_unchanged() const {
  auto now = stamp_of(descriptor_, path_);
  if (!now) return now.error();
  if (*now != stamp_) {
    return Error{
        fmt::format("{}: was changed while it was in use ({} bytes when opened, {} bytes now)",
                    path_.string(), stamp_.size_bytes, now->size_bytes)};
  }
  if (lost_pages_->any()) {
    return Error{fmt::format("{}: could not be read whole, expected the {} bytes it has",
                             path_.string(), stamp_.size_bytes)};
  }
  return {};
}

}  // namespace linnet
