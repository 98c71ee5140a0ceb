#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "image/image.hpp"
#include "support/golden_files.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {

/// What tests/oracles/pictures.py writes.
inline const std::filesystem::path kGolden = in_repository("tests/data/image");

inline std::span<const std::byte> bytes_of(const std::string& file) {
  return std::as_bytes(std::span(file));
}

/// A picture as pictures.py writes what is expected: "P6", width, height, "255", pixels.
inline Image read_ppm(const std::filesystem::path& path) {
  const std::string file = read_file(path);
  std::istringstream in(file);
  std::string kind, most;
  Image image;
  in >> kind >> image.width >> image.height >> most;
  const std::size_t size_bytes = std::size_t{3} * image.width * image.height;
  EXPECT_TRUE(in && kind == "P6" && most == "255" && file.size() > size_bytes) << path;
  if (file.size() > size_bytes) image.pixels.assign(file.end() - size_bytes, file.end());
  return image;
}

/// Those that are to be decoded.
inline std::vector<std::string> pictures() {
  std::vector<std::string> names = file_names(kGolden / "decode");
  std::erase_if(names, [](const std::string& name) { return name.ends_with(".ppm"); });
  return names;
}

}  // namespace linnet::test
