#include <array>

#include "backend/cpu/kernels/kernels.hpp"

namespace linnet::cpu {
namespace {

struct InstructionSet {
  const Kernels& (*kernels)();
  bool (*present)();
};

bool always() { return true; }

#if defined(__x86_64__)

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}

constexpr std::array kSets = {InstructionSet{avx512_kernels, has_avx512},
                              InstructionSet{avx2_kernels, has_avx2},
                              InstructionSet{scalar_kernels, always}};
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

}  // namespace linnet::cpu
