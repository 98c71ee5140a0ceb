// Which accesses of threads count as races.

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "emulation.hpp"

namespace linnet {
namespace {

// The threads of a block write a number each, wait, and read that of the next one of `together`.
void read_next(int together, void (*wait)()) {
  emulation::run_grid(dim3(1), dim3(64), 128 * sizeof(int), [=] {
    auto* numbers = static_cast<int*>(emulation::launch_memory());
    const int own = static_cast<int>(threadIdx.x);
    numbers[own] = own;
    wait();
    const int next = own / together * together + (own + 1) % together;
    numbers[64 + own] = numbers[next];
  });
}

// Blocks of one thread each write to the same place, or each to its own.
void write_from_blocks(bool apart) {
  void* memory = nullptr;
  cudaMalloc(&memory, 4 * sizeof(int));
  auto* numbers = static_cast<int*>(memory);
  emulation::run_grid(dim3(4), dim3(1), 0, [=] { numbers[apart ? blockIdx.x : 0] = 1; });
  cudaFree(memory);
}

TEST(CudaRaces, BarriersOfTheBlockOrderAccesses) {
  EXPECT_DEATH(read_next(64, [] {}), "threads race");
  EXPECT_DEATH(read_next(64, emulation::sync_warp), "threads race");
  read_next(64, emulation::sync_block);
}

TEST(CudaRaces, BarriersOfTheWarpOrderItsAccessesAndShufflesDoNot) {
  EXPECT_DEATH(read_next(32, emulation::meet_warp), "threads race");
  read_next(32, emulation::sync_warp);
}

// All threads read a number, wait, and the last one reads it again, twice, and changes it.
void change_what_all_read(void (*wait)()) {
  emulation::run_grid(dim3(1), dim3(64), 65 * sizeof(int), [=] {
    auto* numbers = static_cast<int*>(emulation::launch_memory());
    const int own = static_cast<int>(threadIdx.x);
    if (own == 0) numbers[64] = 5;
    emulation::sync_block();
    numbers[own] = numbers[64];
    wait();
    if (own != 63) return;
    numbers[own] = numbers[64];
    numbers[own] += numbers[64];
    numbers[64] = 6;
  });
}

TEST(CudaRaces, OneThreadChangesWhatAllReadBehindABarrierOnly) {
  EXPECT_DEATH(change_what_all_read([] {}), "threads race");
  change_what_all_read(emulation::sync_block);
}

TEST(CudaRaces, BlocksOfAGridAreNotOrdered) {
  EXPECT_DEATH(write_from_blocks(false), "threads race");
  write_from_blocks(true);
}

}  // namespace
}  // namespace linnet
