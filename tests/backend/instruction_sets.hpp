#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "backend/backend.hpp"

namespace linnet::test {

/// The sets that this machine has, and one with tile registers in plain C++, which few machines
/// have (see instruction_sets.cpp).
std::vector<std::string_view> instruction_sets();

std::unique_ptr<Backend> make_backend(int threads, std::string_view set);

}  // namespace linnet::test
