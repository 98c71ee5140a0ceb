#pragma once

// The twin of src/backend/cuda/wgmma.cuh for host compilers; the comments on what each function
// does are there.

#include "backend/cuda/device.cuh"

namespace linnet::cuda {

inline constexpr int kWarpgroup = 4 * kWarp;

inline bool has_wgmma() { return emulation::is_hopper(); }
inline std::uint32_t shared_address(const void* shared) {
  return emulation::shared_address(shared);
}
inline void begin_copy16(std::uint32_t to, const void* global) {
  emulation::begin_copy_to(to, global, 16);
}
inline void show_to_products() { emulation::show_to_products(); }

inline void commit_copies() { emulation::commit_copies(); }
template <int kPending>
void wait_for_copy_batches() {
  emulation::wait_for_copies(kPending);
}

inline void begin_products() { emulation::begin_products(); }
inline void commit_products() { emulation::commit_products(); }
template <int kPending>
void wait_for_products() {
  emulation::wait_for_products(kPending);
}

inline void hold(std::uint32_t&) {}
inline void hold(float&) {}

template <int kCount>
void begin_product(float (&sums)[kCount], const std::uint32_t (&a)[4], std::uint64_t b) {
  static_assert(kCount % 4 == 0 && kCount <= 128);
  emulation::begin_product(sums, kCount, a, b);
}

}  // namespace linnet::cuda
