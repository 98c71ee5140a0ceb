#include "backend/cpu/kernels/region.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#if !defined(__clang__)
// GCC 12's own header makes "undefined" registers that way (https://gcc.gnu.org/PR105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#if defined(__clang__)
#pragma clang attribute push(                                                               \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")
#endif

#include "backend/cpu/kernels/table.hpp"
#include "backend/cpu/simd/avx512.hpp"

namespace linnet::cpu {

const Kernels& avx512_kernels() { return kernel_table<Avx512>(); }

// TileRegisters is written in assembly, so that these need nothing else of the compiler.
const Kernels& avx512_amx_kernels() { return kernel_table<Avx512Amx>(); }

}  // namespace linnet::cpu

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // __x86_64__
