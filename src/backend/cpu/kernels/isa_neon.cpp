#if defined(__aarch64__)

#include "backend/cpu/kernels/table.hpp"
#include "backend/cpu/simd/neon.hpp"

namespace linnet::cpu {

const Kernels& neon_kernels() { return kernel_table<Neon<NeonDot::kWidening>>(); }

}  // namespace linnet::cpu

#endif  // __aarch64__
