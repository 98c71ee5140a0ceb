#pragma once

#include "support/temporary_folder.hpp"

namespace linnet::test {

/// As write_file, with the folders that it needs.
inline void put_file(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  write_file(path, bytes);
}

}  // namespace linnet::test
