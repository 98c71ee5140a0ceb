#include "serve/http/unix_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace linnet::serve {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  Descriptor() : number_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

Error cannot_listen(const fs::path& path, int number) {
  return Error{fmt::format("cannot listen at {}: {}", path.string(),
                           std::generic_category().message(number))};
}

// A socket whose program has ended without removing it.
bool is_left_over(const fs::path& path, const sockaddr_un& address) {
  std::error_code error;
  if (!fs::is_socket(path, error)) return false;
  const Descriptor client;
  const int connected =
      ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return connected != 0 && errno == ECONNREFUSED;
}

}  // namespace

fs::path socket_path(std::string_view host) {
  constexpr std::string_view kPrefix = "unix:";
  if (host.starts_with(kPrefix)) return host.substr(kPrefix.size());
  return host.ends_with(".sock") ? fs::path(host) : fs::path();
}

Result<int> listen_at(const fs::path& path) {
  const std::string name = path.string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path) {
    return Error{fmt::format("cannot listen at {}: the path has {} bytes, expected at most {}",
                             name, name.size(), sizeof address.sun_path - 1)};
  }
  std::ranges::copy(name, address.sun_path);
  Descriptor socket;
  if (socket.get() < 0) return cannot_listen(path, errno);
  const auto bind = [&] {
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  };
  int bound = bind();
  std::error_code unknown;
  if (bound != 0 && errno == EADDRINUSE && !fs::is_socket(path, unknown)) {
    return Error{fmt::format("cannot listen at {}: a file that is no socket is there", name)};
  }
  if (bound != 0 && errno == EADDRINUSE && is_left_over(path, address)) {
    std::error_code ignored;
    fs::remove(path, ignored);
    bound = bind();
  }
  if (bound != 0 || ::listen(socket.get(), SOMAXCONN) != 0) return cannot_listen(path, errno);
  return socket.release();
}

SocketFile::SocketFile(fs::path path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return;
  path_ = std::move(path);
  device_ = found.st_dev;
  number_ = found.st_ino;
}

void SocketFile::remove() {
  const fs::path path = std::exchange(path_, {});
  struct stat found {};
  if (path.empty() || ::lstat(path.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == number_) ::unlink(path.c_str());
}

}  // namespace linnet::serve
