#pragma once

#include <string>

namespace linnet::ptx {

/// The name of the function at an address of this program, as the linker has it: also of functions
/// that are not exported, like those made of a local lambda. "" where there is none.
std::string symbol_at(const void* address);

}  // namespace linnet::ptx
