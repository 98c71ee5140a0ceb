#pragma once

#if defined(__x86_64__)

#include <cpuid.h>

namespace linnet {

/// Whether the processor has AVX-VNNI, dot products of 8-bit integers in registers of 32 bytes. GCC
/// 12 knows no name for it: leaf 7.1, EAX bit 4.
inline bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || a < 1) return false;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
}

}  // namespace linnet

#endif  // __x86_64__
