#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace linnet::test {

/// A file or folder of the repository, by its path below the root.
std::string in_repository(std::string_view path);

inline const std::filesystem::path kBundledModel = in_repository("models/linnet-kjv.gguf");

/// The program under test.
std::string program();

}  // namespace linnet::test
