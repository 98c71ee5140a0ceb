#pragma once

#include <span>

#include "operations.hpp"

namespace linnet::ptx {

// The families of instructions, a file each.
std::span<const NamedOperation> arithmetic();
std::span<const NamedOperation> conversions();
std::span<const NamedOperation> memory_operations();
std::span<const NamedOperation> warp_operations();
std::span<const NamedOperation> tile_operations();

/// Loads and stores, whose names are made of a space, how many they are, and a type.
NamedOperation find_access(std::string_view name);

}  // namespace linnet::ptx
