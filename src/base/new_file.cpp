#include "base/new_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace linnet {

// The name of the unfinished file is this process's own: two may write the same file.
NewFile::NewFile(const std::filesystem::path& path)
    : path_(path),
      temporary_(fmt::format("{}.part-{}", path.string(), getpid())),
      out_(temporary_, std::ios::binary) {}

NewFile::~NewFile() {
  std::error_code ignored;
  if (!finished_) std::filesystem::remove(temporary_, ignored);
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
  if (out_) return {};
  return Error{fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(errno))};
}

}  // namespace linnet
