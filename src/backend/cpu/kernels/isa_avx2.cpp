// All that is not a kernel is included before the region that is compiled for the instruction set,
// so that no function that other files share is compiled for it.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kv_store.hpp"

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
