#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace linnet::serve {

/// The path of a socket in the file system, if `host` names one: unix:PATH, or PATH that ends in
/// .sock. Empty: it names none.
std::filesystem::path socket_path(std::string_view host);

/// Listens at such a path, replacing a socket that nobody listens at any more; returns the
/// descriptor. Errors: a path that is too long, that something else has, or that can't be made.
Result<int> listen_at(const std::filesystem::path& path);

/// A socket in the file system, which is told from another one that comes to have its path.
class SocketFile {
 public:
  /// None.
  SocketFile() = default;
  /// That is at `path` now.
  explicit SocketFile(std::filesystem::path path);

  /// Removes it, once, if it is still at its path.
  void remove();

 private:
  std::filesystem::path path_;  // empty: none
  dev_t device_ = 0;
  ino_t number_ = 0;
};

}  // namespace linnet::serve
