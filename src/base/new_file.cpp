#include "base/new_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace linnet {
namespace {

bool is_absent_or_regular(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  return !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
}

}  // namespace

// The name of the unfinished file is this process's own: two may write the same file.
NewFile::NewFile(const std::filesystem::path& path)
    : path_(path),
      temporary_(fmt::format("{}.part-{}", path.string(), getpid())),
      is_replaceable_(is_absent_or_regular(path)) {
  if (is_replaceable_) out_.open(temporary_, std::ios::binary);
}

NewFile::~NewFile() {
  std::error_code ignored;
  if (is_replaceable_ && !finished_) std::filesystem::remove(temporary_, ignored);
}

Status NewFile::write(std::span<const std::byte> bytes) {
  out_.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return check();
}

Status NewFile::finish() {
  out_.close();
  if (Status status = check(); !status) return status;
  std::error_code error;
  std::filesystem::rename(temporary_, path_, error);
  if (error) return Error{fmt::format("{}: {}", path_.string(), error.message())};
  finished_ = true;
  return {};
}

Status NewFile::check() {
  if (!is_replaceable_) {
    return Error{
        fmt::format("{}: is not a regular file and can't be replaced by one", path_.string())};
  }
  if (out_) return {};
  return Error{fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(errno))};
}

}  // namespace linnet
