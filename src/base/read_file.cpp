#include "base/read_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace linnet {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Result<Descriptor> open_file(const std::filesystem::path& path, int flags) {
  Descriptor file(open(path.c_str(), flags | O_CLOEXEC));
  if (file.number() >= 0) return file;
  if (errno == ENOENT) return Error{fmt::format("{}: there is no such file", path.string())};
  return Error{fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno))};
}

}  // namespace

Result<std::string> read_descriptor(int descriptor, const std::string& name,
                                    std::int64_t most_bytes) {
  std::string text;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error{fmt::format("{}: cannot be read: {}", name, std::strerror(errno))};
    if (count == 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
    if (static_cast<std::int64_t>(text.size()) > most_bytes) {
      return Error{fmt::format("{}: is longer than {} bytes", name, most_bytes)};
    }
  }
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

Result<std::string> read_file(const std::filesystem::path& path, std::int64_t most_bytes) {
  const auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  return read_descriptor(file->number(), path.string(), most_bytes);
}

Result<std::string> read_regular_file(const std::filesystem::path& path, std::int64_t most_bytes) {
  const auto file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!file) return file.error();
  struct stat status {};
  if (fstat(file->number(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error{fmt::format("{}: is not a regular file", path.string())};
  }
  return read_descriptor(file->number(), path.string(), most_bytes);
}

}  // namespace linnet
