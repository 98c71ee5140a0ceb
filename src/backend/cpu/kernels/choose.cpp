#include <array>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "backend/cpu/kernels/kernels.hpp"
#include "base/avx_vnni.hpp"
#include "base/tile_registers.hpp"

namespace linnet {
namespace cpu {
namespace {

struct InstructionSet {
  const Kernels& (*kernels)();
  bool (*present)();
};

bool always() { return true; }

#if defined(__x86_64__)

// Clang 14 knows no name for it: leaf 1, ECX bit 29.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1) != 0;
}

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

bool has_avx2_vnni() { return has_avx2() && has_avx_vnni(); }

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}

bool has_avx512_amx() { return has_avx512() && can_use_tile_registers(); }

constexpr std::array kSets = {
    InstructionSet{avx512_kernels, has_avx512}, InstructionSet{avx_vnni_kernels, has_avx2_vnni},
    InstructionSet{avx2_kernels, has_avx2}, InstructionSet{scalar_kernels, always},
    // Only by its name, for it has not run on such a processor yet.
    InstructionSet{avx512_amx_kernels, has_avx512_amx}};

#elif defined(__aarch64__)

bool has_dotprod() { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
bool has_i8mm() { return has_dotprod() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0; }

constexpr std::array kSets = {
    InstructionSet{neon_i8mm_kernels, has_i8mm}, InstructionSet{neon_dotprod_kernels, has_dotprod},
    InstructionSet{neon_kernels, always}, InstructionSet{scalar_kernels, always}};

#else
constexpr std::array kSets = {InstructionSet{scalar_kernels, always}};
#endif

}  // namespace

const Kernels& choose_kernels(std::string_view name) {
  for (const InstructionSet& set : kSets) {
    if (set.present() && (name.empty() || set.kernels().name == name)) return set.kernels();
  }
  return choose_kernels();
}

}  // namespace cpu

std::vector<std::string_view> cpu_instruction_sets() {
  std::vector<std::string_view> names;
  for (const cpu::InstructionSet& set : cpu::kSets) {
    if (set.present()) names.push_back(set.kernels().name);
  }
  return names;
}

}  // namespace linnet
