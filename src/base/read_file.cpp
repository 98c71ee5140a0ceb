#include "base/read_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace linnet {

Result<std::string> read_descriptor(int descriptor, const std::string& name,
                                    std::int64_t most_bytes) {
  std::string text;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error{fmt::format("{}: cannot be read: {}", name, std::strerror(errno))};
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (static_cast<std::int64_t>(text.size()) > most_bytes) {
      return Error{fmt::format("{}: is longer than {} bytes", name, most_bytes)};
    }
  }
}

Result<std::string> read_file(const std::filesystem::path& path, std::int64_t most_bytes) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) return Error{fmt::format("{}: there is no such file", path.string())};
    return Error{fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno))};
  }
  auto text = read_descriptor(descriptor, path.string(), most_bytes);
  close(descriptor);
  return text;
}

}  // namespace linnet
