// The emulated wgmma, on layouts worked out by hand from the PTX ISA.

#include "backend/cuda/wgmma.cuh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "backend/cuda/kernels/products.cuh"
#include "backend/cuda/swizzled_matrix.hpp"
#include "base/half.hpp"
#include "warpgroup_products.hpp"

namespace linnet::cuda {
namespace {

constexpr std::uint16_t kOne = 0x3c00;
constexpr int kColumns = 32;  // of D in these tests

TEST(SwizzledMatrix, PiecesOfARowTradePlaces) {
  EXPECT_EQ(swizzled_place(0, 48), 48);
  EXPECT_EQ(swizzled_place(1, 0), 128 + 16);
  EXPECT_EQ(swizzled_place(3, 5 * 16), 384 + 6 * 16);
  EXPECT_EQ(swizzled_place(9, 16 + 6), 1152 + 6);
  EXPECT_EQ(swizzled_place(15, 7 * 16), 1920);
}

TEST(SwizzledMatrix, DescriptorHasTheFieldsOfTheManual) {
  EXPECT_EQ(further_on(swizzled_matrix(0x2400), 32), 0x4000004000010242u);
  EXPECT_EQ(swizzled_matrix(0x38000), 0x4000004000013800u);  // the last KiB and more
}

TEST(SwizzledMatrix, IsReadAsItIsDescribed) {
  std::vector<std::byte> shared(8192);
  const auto put = [&](std::uint32_t address, std::uint16_t value) {
    std::memcpy(shared.data() + address - emulation::kSharedBase, &value, sizeof value);
  };
  put(3200, 7);  // row 9, column 8: 2048 + 1024 + 128 + 16, bit 7 flips bit 4
  put(2048 + 256 + 96,
      11);  // row 2, column 32: 64 bytes from the beginning of the row, flipped by 32
  EXPECT_EQ(emulation::read_matrix(shared, swizzled_matrix(2048), 16)[9 * 16 + 8], 7);
  EXPECT_EQ(emulation::read_matrix(shared, further_on(swizzled_matrix(2048), 64), 16)[2 * 16], 11);
}

TEST(SwizzledMatrix, WhatTheManualDoesNotAllowIsNoticed) {
  const std::vector<std::byte> shared(8192);
  const auto read = [&](std::uint64_t descriptor) {
    emulation::read_matrix(shared, descriptor, 8);
  };
  EXPECT_DEATH(read(swizzled_matrix(2048 + 128)), "not aligned");
  EXPECT_DEATH(read(further_on(swizzled_matrix(2048), 112)), "leave its rows");
  EXPECT_DEATH(read(swizzled_matrix(16384)), "outside of shared memory");
  EXPECT_DEATH(read(std::uint64_t{64} << 32 | 128), "not emulated");
}

TEST(FragmentInputs, AreAllInputsAndWholeCodeWords) {
  std::set<int> inputs;
  for (int place = 0; place < kFragmentInputs; ++place) inputs.insert(fragment_input(place));
  EXPECT_EQ(std::ssize(inputs), kFragmentInputs);
  EXPECT_EQ(*inputs.rbegin(), kFragmentInputs - 1);
  // Step 3, lane 2: of its codes 12 to 15 of block 2, the first and the third are its numbers of
  // the first eight inputs, the second and the fourth those of the others.
  EXPECT_EQ(fragment_input(3 * 16 + 4), 2 * 32 + 3 * 4);
  EXPECT_EQ(fragment_input(3 * 16 + 4 + 1), 2 * 32 + 3 * 4 + 2);
  EXPECT_EQ(fragment_input(3 * 16 + 8 + 4), 2 * 32 + 3 * 4 + 1);
}

// What a thread does between the fences and the end; it owns `sums` and `a`.
using Step = std::function<void(float (&sums)[16], std::uint32_t (&a)[4], std::uint64_t b)>;

std::uint8_t* matrix() {
  std::uint8_t* memory = launch_memory();
  return memory + (0u - shared_address(memory)) % kMatrixAlignment;
}

// A block of one warpgroup, whose matrix in shared memory is zeros but for `ones`.
void run(const Step& step, const std::vector<std::pair<int, int>>& ones = {},
         unsigned threads = 128) {
  emulation::run_grid(dim3(1), dim3(threads), 8192, [&] {
    if (threadIdx.x == 0) {
      std::memset(matrix(), 0, kColumns * kSwizzledRowBytes);
      for (const auto& [row, column] : ones) {
        std::memcpy(matrix() + swizzled_place(row, 2 * column), &kOne, sizeof kOne);
      }
    }
    sync_block();
    float sums[16] = {};
    std::uint32_t a[4] = {};
    step(sums, a, swizzled_matrix(shared_address(matrix())));
  });
}

void multiply(float (&sums)[16], std::uint32_t (&a)[4], std::uint64_t b) {
  begin_products();
  begin_product(sums, a, b);
  commit_products();
  wait_for_products<0>();
}

// Lane 5 of warp 2 has in the upper half of its last register row 2 * 16 + 8 + 1, column 8 + 2 + 1
// of A. Element (41, 13) of D is number 7 of lane 6 of that warp: 13 = 8 + 2 * 2 + 1, row 8 + 6
// / 4.
TEST(Wgmma, OneNumberMeetsAnother) {
  std::vector<std::pair<unsigned, int>> found;
  run(
      [&](auto& sums, auto& a, std::uint64_t b) {
        if (threadIdx.x == 69) a[3] = std::uint32_t{kOne} << 16;
        multiply(sums, a, b);
        for (int i = 0; i < 16; ++i) {
          if (sums[i] != 0.0f) found.emplace_back(threadIdx.x, i);
        }
      },
      {{13, 11}});
  EXPECT_THAT(found, testing::ElementsAre(testing::Pair(70u, 7)));
}

// Every number of both matrices, against plain loops; a second product adds to the first.
TEST(Wgmma, MultipliesAsPlainLoopsDo) {
  const auto left = [](int row, int k) { return static_cast<float>((row * 5 + k * 3) % 17 - 8); };
  const auto right = [](int row, int k) { return static_cast<float>((row * 7 + k) % 13 - 6); };
  std::vector<float> got(64 * kColumns);
  emulation::run_grid(dim3(1), dim3(128), 8192, [&] {
    for (int i = static_cast<int>(threadIdx.x); i < kColumns * 64; i += 128) {
      const std::uint16_t value = float_to_half(right(i / 64, i % 64));
      std::memcpy(matrix() + swizzled_place(i / 64, i % 64 * 2), &value, sizeof value);
    }
    show_to_products();
    sync_block();
    float sums[16] = {};
    std::uint32_t a[2][4];
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    for (int s = 0; s < 2; ++s) {  // columns 0 to 15, and 48 to 63
      for (int i = 0; i < 4; ++i) {
        const int row = warp * 16 + lane / 4 + i % 2 * 8, k = s * 48 + lane % 4 * 2 + i / 2 * 8;
        a[s][i] = to_halves(left(row, k), left(row, k + 1));
      }
    }
    begin_products();
    begin_product(sums, a[0], swizzled_matrix(shared_address(matrix())));
    begin_product(sums, a[1], further_on(swizzled_matrix(shared_address(matrix())), 96));
    commit_products();
    EXPECT_TRUE(std::isnan(sums[3]));  // not there yet
    wait_for_products<0>();
    for (int i = 0; i < 16; ++i) {
      const int row = warp * 16 + lane / 4 + i / 2 % 2 * 8,
                column = i / 4 * 8 + lane % 4 * 2 + i % 2;
      got[row * kColumns + column] = sums[i];
    }
  });
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      float want = 0.0f;
      for (int k = 0; k < 64; ++k) {
        if (k < 16 || k >= 48) want += left(row, k) * right(column, k);
      }
      ASSERT_EQ(got[row * kColumns + column], want) << row << ", " << column;
    }
  }
}

TEST(Wgmma, WhatIsTouchedTooEarlyIsNoticed) {
  const auto between = [](const Step& change) {
    run([&](auto& sums, auto& a, std::uint64_t b) {
      begin_products();
      begin_product(sums, a, b);
      commit_products();
      sync_block();
      change(sums, a, b);
      sync_block();
      wait_for_products<0>();
    });
  };
  between([](auto&, auto&, std::uint64_t) {});
  EXPECT_DEATH(between([](auto&, auto& a, std::uint64_t) { a[2] = kOne; }),
               "registers of a product");
  EXPECT_DEATH(between([](auto& sums, auto&, std::uint64_t) { sums[5] = 0.0f; }),
               "sums of a product");
  EXPECT_DEATH(between([](auto&, auto&, std::uint64_t) { matrix()[1] = 1; }), "shared memory of");
}

TEST(Wgmma, FencesThatAreLeftOutAreNoticed) {
  alignas(16) static const std::uint8_t zeros[16] = {};
  const auto copy = [&](bool fenced) {
    run([&](auto& sums, auto& a, std::uint64_t b) {
      begin_copy16(matrix() + threadIdx.x * 16, zeros, false);
      commit_copies();
      wait_for_copy_batches<0>();
      if (fenced) show_to_products();
      sync_block();
      multiply(sums, a, b);
    });
  };
  copy(true);
  EXPECT_DEATH(copy(false), "written without a fence");
  EXPECT_DEATH(run([](auto& sums, auto& a, std::uint64_t b) {
                 multiply(sums, a, b);
                 begin_product(sums, a, b);
               }),
               "without a fence");
}

TEST(Wgmma, ProductsOfAWarpAloneAndProductsLeftAloneAreNoticed) {
  EXPECT_DEATH(run([](auto& sums, auto& a, std::uint64_t b) {
                 if (threadIdx.x < 96) multiply(sums, a, b);
               }),
               "warps of a warpgroup");
  EXPECT_DEATH(run([](auto& sums, auto& a, std::uint64_t b) { multiply(sums, a, b); }, {}, 64),
               "warps of a warpgroup");
  EXPECT_DEATH(run([](auto& sums, auto& a, std::uint64_t b) {
                 begin_products();
                 begin_product(sums, a, b);
               }),
               "did not wait for");
}

}  // namespace
}  // namespace linnet::cuda
