#include "hub/partial_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "hub/interruption.hpp"

namespace linnet::hub {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;

}  // namespace

Error PartialFile::error(std::string_view what) const {
  if (errno == ENOSPC || errno == EDQUOT) {
    return Error{fmt::format("{}: there is no space left on the disk (after {} bytes)",
                             path_.string(), size_bytes_)};
  }
  return Error{fmt::format("{}: {}: {}", path_.string(), what, std::strerror(errno))};
}

Result<PartialFile> PartialFile::open(const std::filesystem::path& path, std::uint64_t whole_bytes,
                                      const std::function<bool()>& keep_going) {
  PartialFile file(path, -1);
  file.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file.descriptor_ < 0) return file.error("cannot be opened");
  const off_t size = lseek(file.descriptor_, 0, SEEK_END);
  if (size < 0) return file.error("cannot be examined");
  if (static_cast<std::uint64_t>(size) > whole_bytes) {
    if (Status status = file.restart(); !status) return status.error();
    return file;
  }
  const auto count = static_cast<std::uint64_t>(size);
  if (Status status = file.hash_existing(count, keep_going); !status) return status.error();
  return file;
}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_bytes_(other.size_bytes_),
      hash_(std::move(other.hash_)) {}

PartialFile::~PartialFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Status PartialFile::hash_existing(std::uint64_t count, const std::function<bool()>& keep_going) {
  std::vector<std::byte> chunk(kChunkBytes);
  while (size_bytes_ < count) {
    if (keep_going && !keep_going()) return interruption();
    const ssize_t got =
        pread(descriptor_, chunk.data(), chunk.size(), static_cast<off_t>(size_bytes_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error("cannot be read");
    if (got == 0) return {};
    hash_.add({chunk.data(), static_cast<std::size_t>(got)});
    size_bytes_ += static_cast<std::uint64_t>(got);
  }
  return {};
}

Status PartialFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_bytes_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error("cannot be written");
    const auto written = static_cast<std::size_t>(count);
    hash_.add(bytes.first(written));
    size_bytes_ += written;
    bytes = bytes.subspan(written);
  }
  return {};
}

Status PartialFile::restart() {
  if (ftruncate(descriptor_, 0) != 0) return error("cannot be emptied");
  size_bytes_ = 0;
  hash_ = Sha256();
  return {};
}

Status PartialFile::publish(const std::filesystem::path& name) {
  if (fsync(descriptor_) != 0) return error("cannot be written");
  if (rename(path_.c_str(), name.c_str()) != 0) return error("cannot be renamed");
  return {};
}

void PartialFile::discard() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

Result<std::vector<std::byte>> read_first(const std::filesystem::path& path, std::uint64_t count) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::byte> bytes(count);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(count));
  if (in.bad() || !in.is_open()) return Error{path.string() + ": cannot be read"};
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

}  // namespace linnet::hub
