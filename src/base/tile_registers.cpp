#include "base/tile_registers.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace linnet {

bool can_use_tile_registers() {
  // Leaf 7, EDX: bit 24 is AMX-TILE, bit 25 is AMX-INT8.
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d >> 24 & 3) != 3) return false;
  // https://docs.kernel.org/arch/x86/xstate.html; systems before Linux 5.16 refuse it.
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace linnet

#endif  // __x86_64__
