#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>

#include "base/result.hpp"

namespace linnet::app {

/// An Error where writing to `output` would replace one of the files that are read, or a part of
/// one that is split.
Status check_replaces_no_input(const std::string& output,
                               std::initializer_list<std::filesystem::path> inputs);

}  // namespace linnet::app
