#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace linnet::serve {

/// The path of a socket in the file system, where `host` names one: unix:PATH, or PATH that ends in
/// .sock. Empty: it names none.
std::filesystem::path socket_path(std::string_view host);

/// Listens at such a path, in the place of a socket that nobody listens at any more; gives the file
/// descriptor. Errors: a path that is too long, that something else has, or that can't be made.
Result<int> listen_at(const std::filesystem::path& path);

}  // namespace linnet::serve
