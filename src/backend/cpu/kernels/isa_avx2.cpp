#include "backend/cpu/kernels/region.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

#include "backend/cpu/kernels/table.hpp"
#include "backend/cpu/simd/avx2.hpp"

namespace linnet::cpu {

const Kernels& avx2_kernels() { return kernel_table<Avx2>(); }

}  // namespace linnet::cpu

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // __x86_64__
