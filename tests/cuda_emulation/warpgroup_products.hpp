#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace linnet::emulation {

/// Where the shared memory of a block begins in the window of shared addresses: behind the 1 KiB
/// that the system has on Hopper, and not at a multiple of more than CUDA promises.
inline constexpr std::uint32_t kSharedBase = 1024 + 16;

/// A matrix [rows][16] of 16-bit numbers that a descriptor of the PTX ISA names, K-major with the
/// swizzle of 128 bytes; gives up where the descriptor is another one, or leaves `shared`.
std::vector<std::uint16_t> read_matrix(std::span<const std::byte> shared, std::uint64_t descriptor,
                                       int rows);

/// The products of the warpgroups of one block. They are carried out when they are waited for;
/// until then their sums are NaNs. What PTX leaves undefined ends the run:
///   - operands that change between the beginning of a product and the wait for it;
///   - memory that was written without a fence.proxy.async afterwards;
///   - a batch without a wgmma.fence in front of it;
///   - warps of a warpgroup that do not begin the same products;
///   - threads that end before their products do.
class WarpgroupProducts {
 public:
  void begin_block(int threads);
  void end_thread(int thread) const;
  void end_block() const;

  void write_shared(int thread) { threads_[thread].unfenced = true; }
  void fence_shared(int thread) { threads_[thread].unfenced = false; }
  void fence_registers(int thread) { threads_[thread].fenced = true; }
  void begin(int thread, std::span<const std::byte> shared, float* sums, int count,
             const std::uint32_t* a, std::uint64_t b);
  void commit(int thread);
  void wait(int thread, std::span<const std::byte> shared, int pending);

 private:
  static constexpr int kLanes = 32;
  struct Product {  // of a warp
    std::uint64_t descriptor;
    std::vector<std::uint16_t> b;
    std::uint32_t a[kLanes][4];
    int done = 0;  // lanes
  };
  struct Warp {
    std::deque<Product> products;
    std::size_t first = 0;  // number of products[0]
    std::vector<std::uint64_t> descriptors;
  };
  struct OwnSums {
    float* at;
    std::vector<float> values;
    int products;  // that add to them
  };
  struct OwnProduct {
    std::size_t number;
    float* sums;
    const std::uint32_t* a;
  };
  struct Thread {
    bool unfenced = false, fenced = false;
    std::size_t begun = 0;
    std::vector<OwnSums> sums;
    std::vector<OwnProduct> open;                 // not committed
    std::deque<std::vector<OwnProduct>> batches;  // not waited for
  };

  OwnSums& take_sums(Thread& own, float* sums, int count);
  void finish(int thread, std::span<const std::byte> shared, const OwnProduct& own);

  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
};

}  // namespace linnet::emulation
