#pragma once

#include <cstddef>
#include <span>

#include "warp.hpp"

namespace linnet::ptx {

/// Whether the environment names a folder of PTX in CUDA_EMULATION_PTX, whose kernels are run
/// instead of what this compiler makes of them.
bool is_wanted();

/// Runs a grid of the kernel that has the same name in the PTX as the function at `kernel` has in
/// this program. `arguments` are the bytes of each.
void run_grid(const void* kernel, std::span<const std::span<const std::byte>> arguments,
              const Dimensions& grid, const Dimensions& size, std::size_t shared_bytes);

/// The same of a kernel. Its warps take turns from the last to the first where it is `reversed`.
void run_grid(const Kernel& kernel, std::span<const std::span<const std::byte>> arguments,
              const Dimensions& grid, const Dimensions& size, std::size_t shared_bytes,
              bool reversed);

}  // namespace linnet::ptx
