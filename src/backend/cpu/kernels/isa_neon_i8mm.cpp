#include "backend/cpu/kernels/region.hpp"

#if defined(__aarch64__)

#include <arm_neon.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("i8mm"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+i8mm")
#endif

#include "backend/cpu/kernels/table.hpp"
#include "backend/cpu/simd/neon.hpp"

namespace linnet::cpu {

const Kernels& neon_i8mm_kernels() { return kernel_table<Neon<NeonDot::kI8mm>>(); }

}  // namespace linnet::cpu

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // __aarch64__
