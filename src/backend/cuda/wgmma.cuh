#pragma once

#include "backend/cuda/device.cuh"

/// Products of a warpgroup (four warps) from registers and shared memory, on Hopper: the PTX
/// instructions `wgmma`. tests/cuda_emulation holds the twin of this header.
///
/// What is taken for granted, each from the PTX ISA (sections 9.7.15.4 to 9.7.15.7) and from
/// another source:
///   - lane l of warp v of the warpgroup holds of A the rows 16 v + l / 4 (+ 8) and the columns
///     l % 4 * 2 (+ 1, + 8), of D those rows and the columns 8 j + l % 4 * 2 (+ 1), in the order of
///     mma.m16n8k16 (CUTLASS: ALayout_64x16, CLayout_64xN);
///   - a descriptor has the address / 16 in bits 0 to 13, the distance of groups of eight rows / 16
///     in bits 32 to 45, and 1 in bits 62 and 63 for the swizzle of 128 bytes, which does not use
///     bits 16 to 29 (CUTLASS puts 1 there, DeepGEMM 0);
///   - that swizzle flips the bits 4 to 6 of an address by its bits 7 to 9, so matrices begin at
///     multiples of 1024 bytes; the next 16 columns of a matrix are 32 bytes further on (CUTLASS:
///     Swizzle<3, 4, 3>; DeepGEMM and ThunderKittens step so);
///   - wgmma reads through the asynchronous proxy: who wrote to shared memory, by cp.async too,
///   fences
///     before the barrier behind which others multiply (ThunderKittens fences in front of its
///     products); the end of a product fences the other way by itself;
///   - sums and registers of A belong to the product until wait_for_products() says that it is
///     done; products onto the same sums need nothing between them.
namespace linnet::cuda {

inline constexpr int kWarpgroup = 4 * kWarp;

/// Whether this code is compiled for a device that has these instructions: sm_90a, nothing else.
__device__ inline bool has_wgmma() {
  NV_IF_ELSE_TARGET(NV_HAS_FEATURE_SM_90a, (return true;), (return false;))
}

/// An address within the shared memory of the block.
__device__ inline std::uint32_t shared_address(const void* shared) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}

/// Begins to copy 16 aligned bytes from global memory to an address within the shared memory.
__device__ inline void begin_copy16(std::uint32_t to, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global) : "memory");
}

/// Makes what this thread wrote to shared memory visible to products that begin behind the next
/// barrier.
__device__ inline void show_to_products() {
  NV_IF_TARGET(NV_HAS_FEATURE_SM_90a, (asm volatile("fence.proxy.async.shared::cta;" ::
                                                        : "memory");))
}

/// Closes the copies that this thread began since the last call to a batch.
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most the last kPending batches of this thread's copies are under way.
template <int kPending>
__device__ inline void wait_for_copy_batches() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

/// Before the first of a batch of products: what was written to their registers is there.
__device__ inline void begin_products() {
  NV_IF_TARGET(NV_HAS_FEATURE_SM_90a, (asm volatile("wgmma.fence.sync.aligned;" ::: "memory");))
}
__device__ inline void commit_products() {
  NV_IF_TARGET(NV_HAS_FEATURE_SM_90a, (asm volatile("wgmma.commit_group.sync.aligned;" ::
                                                        : "memory");))
}
/// Waits until at most the last kPending batches of products are under way.
template <int kPending>
__device__ inline void wait_for_products() {
  NV_IF_TARGET(NV_HAS_FEATURE_SM_90a,
               (asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending)
                             : "memory");))
}

/// Keeps the compiler from moving what it does with registers of a product across this place.
__device__ inline void hold(std::uint32_t& value) { asm volatile("" : "+r"(value)::"memory"); }
__device__ inline void hold(float& value) { asm volatile("" : "+f"(value)::"memory"); }

/// Begins sums [64][2 kCount] += a [64][16] * b^T of binary16 numbers, b [2 kCount][16] in shared
/// memory.
template <int kCount>
__device__ void begin_product(float (&sums)[kCount], const std::uint32_t (&a)[4], std::uint64_t b);

template <>
__device__ inline void begin_product<16>(float (&d)[16], const std::uint32_t (&a)[4],
                                         std::uint64_t b) {
  NV_IF_TARGET(
      NV_HAS_FEATURE_SM_90a,
      (asm volatile("wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 "
                    "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, "
                    "{%16, %17, %18, %19}, %20, 1, 1, 1, 0;"
                    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]),
                      "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]),
                      "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15])
                    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));))
}

template <>
__device__ inline void begin_product<32>(float (&d)[32], const std::uint32_t (&a)[4],
                                         std::uint64_t b) {
  NV_IF_TARGET(
      NV_HAS_FEATURE_SM_90a,
      (asm volatile(
           "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 "
           "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
           "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
           "{%32, %33, %34, %35}, %36, 1, 1, 1, 0;"
           : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),
             "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]),
             "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]),
             "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]),
             "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
           : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));))
}

template <>
__device__ inline void begin_product<64>(float (&d)[64], const std::uint32_t (&a)[4],
                                         std::uint64_t b) {
  NV_IF_TARGET(
      NV_HAS_FEATURE_SM_90a,
      (asm volatile(
           "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 "
           "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
           "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
           "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
           "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
           "{%64, %65, %66, %67}, %68, 1, 1, 1, 0;"
           : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),
             "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]),
             "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]),
             "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]),
             "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]),
             "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]),
             "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43]),
             "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), "+f"(d[48]), "+f"(d[49]),
             "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]),
             "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]),
             "+f"(d[62]), "+f"(d[63])
           : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));))
}

}  // namespace linnet::cuda
