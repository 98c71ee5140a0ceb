// What the emulated device can be made to do, and the backend's answers.

#include "emulation.hpp"

#include <cuda_runtime.h>

#include <numeric>

#include "backend/cuda/cuda.hpp"
#include "backend/cuda/pack_weights.hpp"
#include "cuda/cuda_rows.hpp"

namespace linnet {
namespace {

using test::DeviceRows;

constexpr std::size_t kSharedBytesOfHopper = 232448;

class CudaDeviceTest : public test::CudaTest {
 protected:
  void TearDown() override {
    emulation::set_lost(false);
    emulation::set_memory_limit(0);
    emulation::set_reversed(false);
    emulation::set_driver(CUDART_VERSION);
    emulation::set_shared_bytes(kSharedBytesOfHopper);
    emulation::set_hopper(true);
  }
};

TEST_F(CudaDeviceTest, MemoryThatRunsOutIsAnError) {
  emulation::set_memory_limit(emulation::allocated_bytes() + (1 << 20));
  const auto buffer = cuda_->allocate(1 << 20);
  ASSERT_FALSE(buffer);
  EXPECT_THAT(buffer.error().message, testing::HasSubstr("out of GPU memory: 4194304 bytes"));
  const test::PackedSource weights(*find_format("Q4_0"), 4096, 4096);
  EXPECT_FALSE(cuda_->upload(weights.source()));
  EXPECT_FALSE(cuda_->make_kv_store({{{8, 128, 128}}, KvType::kF16, 100}));
  EXPECT_FALSE(cuda_->make_kv_store({{{1 << 20, 1 << 20, 256}}, KvType::kF16, 1 << 30}));
  EXPECT_FALSE(cuda_->make_state_store({{std::int64_t{1} << 60, std::int64_t{1} << 60}, 1 << 20}));
  EXPECT_TRUE(cuda_->status());  // what was there goes on
}

TEST_F(CudaDeviceTest, ADriverThatIsTooOldIsAnErrorThatSaysSo) {
  emulation::set_driver(12080);
  EXPECT_THAT(probe_cuda().error().message,
              testing::HasSubstr("the driver is one for CUDA 12.8, and this program needs one for "
                                 "CUDA 13.0 or newer"));
  emulation::set_driver(0);
  EXPECT_THAT(probe_cuda().error().message, testing::HasSubstr("there is no driver"));
}

// Each with a device of its own, on which kernels may have less shared memory than on Hopper: tiles
// that do not fit are not taken.
TEST_F(CudaDeviceTest, SmallerDevicesTakeKernelsThatFit) {
  for (const std::size_t bytes : {std::size_t{101376}, std::size_t{166912}}) {
    emulation::set_shared_bytes(bytes);
    auto small = make_cuda_backend(1, {});
    ASSERT_TRUE(small);
    for (const KvType type : {KvType::kF16, KvType::kBf16}) {
      auto store = (*small)->make_kv_store({{{1, 256, 256}}, type, 1});
      ASSERT_TRUE(store);
      const DeviceRows keys(**small, 32, 256), queries(**small, 32, 256), out(**small, 32, 256);
      std::vector<std::int32_t> positions(32), sequences(32, 0);
      std::iota(positions.begin(), positions.end(), 0);
      const std::int32_t page = 0, length = 32;
      const std::span<const std::int32_t> table(&page, 1);
      const BatchLayout batch{positions, sequences, {&table, 1}, {&length, 1}};
      (*small)->store_kv(**store, 0, keys.view(), keys.view(), batch);
      (*small)->attention(**store, queries.view(), {0, 1, 1, 256, 256}, batch, out.view());
      const Status status = (*small)->status();
      EXPECT_TRUE(status) << status.error().message;
    }
  }
}

TEST_F(CudaDeviceTest, MemoryIsGivenBack) {
  const std::size_t before = emulation::allocated_bytes();
  for (int i = 0; i < 3; ++i) {
    const DeviceRows rows(*cuda_, 100, 100);
    EXPECT_GT(emulation::allocated_bytes(), before);
  }
  EXPECT_EQ(emulation::allocated_bytes(), before);
}

TEST_F(CudaDeviceTest, ALostDeviceIsAnErrorAndTheRestDoesNothing) {
  const DeviceRows rows(*cuda_, 4, 4);
  EXPECT_TRUE(cuda_->status());
  emulation::set_lost(true);
  cuda_->scale(rows.view(), 2.0f);
  const Status status = cuda_->status();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, testing::HasSubstr("the GPU failed during"));
  EXPECT_THAT(status.error().message, testing::HasSubstr("for_elements"));  // the kernel
  EXPECT_FALSE(cuda_->allocate(16));
  emulation::set_lost(false);
  const std::size_t before = emulation::launches();
  cuda_->scale(rows.view(), 2.0f);
  EXPECT_EQ(emulation::launches(), before);
  EXPECT_FALSE(cuda_->status());
}

// A kernel may have failed since anybody asked, and the first call behind it is told so.
TEST_F(CudaDeviceTest, AnAllocationOnALostDeviceDoesNotSpeakOfMemory) {
  emulation::set_lost(true);
  const auto buffer = cuda_->allocate(16);
  ASSERT_FALSE(buffer);
  EXPECT_THAT(buffer.error().message, testing::HasSubstr("the GPU failed during an allocation"));
  EXPECT_FALSE(cuda_->status());
}

// What a plan counts is what a weight then takes.
TEST_F(CudaDeviceTest, WeightsTakeWhatWasSaid) {
  for (const Format* format : test::weight_formats()) {
    const test::PackedSource weights(*format, 512, 64, 2);
    auto matrix = cuda_->upload(weights.source());
    ASSERT_TRUE(matrix);
    const auto said = static_cast<double>(cuda_weight_bytes(*format, 512 * 64 * 2));
    EXPECT_NEAR(static_cast<double>((*matrix)->size_bytes()), said, 1024.0) << format->name;
  }
}

// The order in which the threads of a block take turns is no part of a result.
TEST_F(CudaDeviceTest, ResultsDoNotDependOnTheOrderOfThreads) {
  const auto run = [&](bool reversed) {
    emulation::set_reversed(reversed);
    std::vector<float> all;
    for (const char* name : {"F32", "F16", "Q4_K", "IQ3_S"}) {
      const test::PackedSource weights(*find_format(name), 512, 140);
      auto matrix = cuda_->upload(weights.source());
      for (const std::int64_t rows : {1, 3, 20, 40}) {
        const DeviceRows in = test::random_rows(*cuda_, rows, 512, 3), out(*cuda_, rows, 140);
        const MatmulOutput output{matrix->get(), out.view()};
        cuda_->matmul(in.view(), {&output, 1});
        cuda_->norm(out.view(), {NormKind::kLayer, 1e-5f}, out.view());
        const auto values = out.values();
        all.insert(all.end(), values.begin(), values.end());
      }
    }
    return all;
  };
  EXPECT_EQ(run(true), run(false));
}

TEST_F(CudaDeviceTest, WeightsOfOneLayoutTakeOneKernel) {
  const test::PackedSource weights(*find_format("Q4_K"), 256, 8);
  auto query = cuda_->upload(weights.source()), key = cuda_->upload(weights.source());
  const DeviceRows in(*cuda_, 1, 256), out(*cuda_, 1, 16);
  const MatmulOutput outputs[] = {{query->get(), out.view().slice(0, 8)},
                                  {key->get(), out.view().slice(8, 8)}};
  EXPECT_TRUE(cuda_->status());
  const std::size_t before = emulation::launches();
  cuda_->matmul(in.view(), outputs);
  EXPECT_TRUE(cuda_->status());
  EXPECT_EQ(emulation::launches() - before, 2u);  // one makes integers of the inputs
}

// Each head its own weight, columns side by side, as in latent attention; a norm of heads comes in
// between once.
TEST_F(CudaDeviceTest, ProductsOfHeadsTakeOneKernel) {
  const test::PackedSource weights(*find_format("Q8_0"), 64, 32);
  std::vector<std::unique_ptr<Matrix>> matrices;
  for (int h = 0; h < 6; ++h) matrices.push_back(std::move(*cuda_->upload(weights.source())));
  const DeviceRows in = test::random_rows(*cuda_, 2, 6 * 64, 1), out(*cuda_, 2, 6 * 32);
  const DeviceRows other = test::random_rows(*cuda_, 2, 128, 1);
  const auto run = [&](bool norm_between, std::size_t launches) {
    EXPECT_TRUE(cuda_->status());
    const std::size_t before = emulation::launches();
    for (int h = 0; h < 6; ++h) {
      const MatmulOutput output{matrices[h].get(), out.view().slice(h * 32, 32)};
      cuda_->matmul(in.view().slice(h * 64, 64), {&output, 1});
      if (norm_between && h == 2) {
        cuda_->norm(other.view(), {NormKind::kRms, 1e-5f, nullptr, nullptr, 64}, other.view());
      }
    }
    std::vector<float> values = out.values();
    EXPECT_EQ(emulation::launches() - before, launches);
    return values;
  };
  EXPECT_EQ(run(false, 1), run(true, 3));
}

// A norm leaves the integers that the product after it takes, unless something comes between.
TEST_F(CudaDeviceTest, ANormQuantisesForTheProductAfterIt) {
  const test::PackedSource weights(*find_format("Q8_0"), 64, 8);
  auto matrix = cuda_->upload(weights.source());
  const DeviceRows in = test::random_rows(*cuda_, 2, 64, 1), x(*cuda_, 2, 64), out(*cuda_, 2, 8);
  const MatmulOutput output{matrix->get(), out.view()};
  const auto run = [&](float scale, std::size_t launches) {
    const std::size_t before = emulation::launches();
    cuda_->norm(in.view(), {}, x.view());
    if (scale != 1.0f) cuda_->scale(x.view(), scale);
    cuda_->matmul(x.view(), {&output, 1});
    std::vector<float> values = out.values();
    EXPECT_EQ(emulation::launches() - before, launches);
    return values;
  };
  const std::vector<float> once = run(1.0f, 2), twice = run(2.0f, 4);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_FLOAT_EQ(twice[i], 2.0f * once[i]);
}

// A product that writes elsewhere leaves what was quantised; one that writes there does not.
TEST_F(CudaDeviceTest, WhatAProductOverwritesIsQuantisedAnew) {
  const test::PackedSource floats(*find_format("F32"), 64, 8), codes(*find_format("Q8_0"), 64, 8);
  for (const bool overwrites : {false, true}) {
    expect_agreement(
        [&](Backend& b) {
          auto router = b.upload(floats.source()), matrix = b.upload(codes.source());
          const DeviceRows in = test::random_rows(b, 2, 64, 1), x(b, 2, 64), out(b, 2, 16);
          const View all = out.view();
          const MatmulOutput first{router->get(),
                                   overwrites ? x.view().slice(5, 8) : all.slice(8, 8)};
          const MatmulOutput second{matrix->get(), all.slice(0, 8)};
          b.norm(in.view(), {}, x.view());
          const std::size_t before = emulation::launches();
          b.matmul(overwrites ? in.view() : x.view(), {&first, 1});
          b.matmul(x.view(), {&second, 1});
          std::vector<float> values = out.values();
          if (&b == cuda_.get()) {
            EXPECT_EQ(emulation::launches() - before, overwrites ? 4u : 3u);
          }
          return values;
        },
        1e-8);
  }
}

TEST_F(CudaDeviceTest, TheLibraryTakesManyRows) {
  const test::PackedSource weights(*find_format("Q4_K"), 256, 8);
  auto matrix = cuda_->upload(weights.source());
  const DeviceRows in = test::random_rows(*cuda_, 300, 256, 1), out(*cuda_, 300, 8);
  const MatmulOutput output{matrix->get(), out.view()};
  const std::size_t before = emulation::library_products();
  cuda_->matmul(in.view(), {&output, 1});
  EXPECT_TRUE(cuda_->status());
  EXPECT_EQ(emulation::library_products() - before, 1u);
}

// Hopper multiplies with wgmma, unless that is left out; devices before it can't.
TEST_F(CudaDeviceTest, ProductsOfSomeRowsAreThoseOfTheDevice) {
  const test::PackedSource weights(*find_format("Q4_K"), 256, 8);
  const auto kernel = [&](bool hopper, bool wgmma) {
    emulation::set_hopper(hopper);
    CudaOptions options;
    options.wgmma = wgmma;
    const auto backend = std::move(*make_cuda_backend(1, options));
    auto matrix = backend->upload(weights.source());
    const DeviceRows in = test::random_rows(*backend, 40, 256, 1), out(*backend, 40, 8);
    const MatmulOutput output{matrix->get(), out.view()};
    emulation::launched_kernels();
    backend->matmul(in.view(), {&output, 1});
    EXPECT_TRUE(backend->status());
    return emulation::launched_kernels()[1];
  };
  EXPECT_EQ(kernel(true, true), "multiply_warpgroups");
  EXPECT_EQ(kernel(true, false), "multiply_many");
  EXPECT_EQ(kernel(false, true), "multiply_many");
}

TEST_F(CudaDeviceTest, CeilingsAreMeasured) {
  const auto ceilings = measure_cuda_ceilings({1 << 16, 64});
  ASSERT_TRUE(ceilings);
  EXPECT_GT(ceilings->read_bytes_per_s, 0.0);
  EXPECT_GT(ceilings->half_operations_per_s, 0.0);
}

// Steps that are the same go as a graph from the second time on; another one does not.
TEST_F(CudaDeviceTest, TheSameStepAgainIsAGraph) {
  const DeviceRows rows(*cuda_, 2, 3, {1, 1, 1, 1, 1, 1});
  const auto step = [&](float factor) {
    const std::size_t before = emulation::graph_launches();
    for (int i = 0; i < 200; ++i) cuda_->scale(rows.view(), i == 150 ? factor : 1.0f);
    EXPECT_TRUE(cuda_->status());
    return emulation::graph_launches() - before;
  };
  EXPECT_EQ(step(2.0f), 0u);
  EXPECT_EQ(step(2.0f), 3u);  // of 32, 128 and 40 kernels
  EXPECT_EQ(step(2.0f), 3u);
  EXPECT_EQ(step(3.0f), 2u);
  EXPECT_EQ(rows.values(), std::vector<float>(6, 24.0f));
}

// As those of a model and of what drafts for it do.
TEST_F(CudaDeviceTest, StepsThatTakeTurnsAreGraphs) {
  const DeviceRows rows(*cuda_, 1, 1, {1});
  std::size_t first = 0;
  for (int turn = 0; turn < 12; ++turn) {
    if (turn == 4) first = emulation::graph_launches();
    for (int i = 0; i < 10; ++i) cuda_->scale(rows.view(), i == 0 ? 1.0f + turn % 4 : 1.0f);
    EXPECT_TRUE(cuda_->status());
  }
  EXPECT_EQ(emulation::graph_launches() - first, 8u);
  EXPECT_EQ(rows.values(), std::vector<float>{24.0f * 24 * 24});
}

TEST_F(CudaDeviceTest, DeviceMemoryCanNotBeTouchedByTheHost) {
  const DeviceRows rows(*cuda_, 4, 4);
  EXPECT_DEATH(*static_cast<volatile float*>(rows.data()) = 1.0f, "");
}

// A card reads page-locked memory when it comes to the copy.
TEST(CudaEmulation, CopiesFromPageLockedMemoryAreMadeLate) {
  void *locked = nullptr, *device = nullptr;
  ASSERT_EQ(cudaMallocHost(&locked, sizeof(int)), cudaSuccess);
  ASSERT_EQ(cudaMalloc(&device, sizeof(int)), cudaSuccess);
  int pageable = 1, result = 0;
  const auto host_changes = [&](int* from) {
    *from = 1;
    cudaMemcpyAsync(device, from, sizeof(int), cudaMemcpyHostToDevice, nullptr);
    *from = 2;
    cudaMemcpyAsync(&result, device, sizeof(int), cudaMemcpyDeviceToHost, nullptr);
    cudaStreamSynchronize(nullptr);
    return result;
  };
  EXPECT_EQ(host_changes(&pageable), 1);
  EXPECT_EQ(host_changes(static_cast<int*>(locked)), 2);
  cudaFree(device);
  cudaFreeHost(locked);
}

TEST(CudaEmulation, CallsThatSpoilAGraphAreNoticed) {
  const auto allocate = [] {
    void* memory = nullptr;
    cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeThreadLocal);
    cudaMalloc(&memory, 16);
  };
  const auto wait = [] {
    cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeThreadLocal);
    cudaStreamSynchronize(nullptr);
  };
  EXPECT_DEATH(allocate(), "while a graph is captured");
  EXPECT_DEATH(wait(), "while a graph is captured");
}

TEST(CudaEmulation, ThreadsThatWaitForEverAreNoticed) {
  EXPECT_DEATH(emulation::run_grid(dim3(1), dim3(64), 0,
                                   [] {
                                     if (threadIdx.x < 32) emulation::sync_block();
                                   }),
               "wait for each other for ever");
}

// A kernel that begins early sees what was there before the one in front of it ran, until it waits.
TEST(CudaEmulation, KernelsBeginEarly) {
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, sizeof(int)), cudaSuccess);
  cudaMemsetAsync(memory, 0, sizeof(int), nullptr);
  auto* number = static_cast<int*>(memory);
  int before = 0, behind = 0;
  const auto send = [](std::function<void()> thread) {
    emulation::launch(
        {nullptr, 0, [=] { emulation::run_grid(dim3(1), dim3(2), 0, thread); }, true});
  };
  for (int k = 1; k <= 3; ++k) {
    send([=] {
      emulation::wait_for_previous_kernel();
      if (threadIdx.x == 0) *number += k;
    });
  }
  send([&, number] {
    if (threadIdx.x == 0) before = *number;
    emulation::wait_for_previous_kernel();
    if (threadIdx.x == 0) behind = *number;
  });
  cudaStreamSynchronize(nullptr);
  EXPECT_EQ(before, 0);
  EXPECT_EQ(behind, 6);
  cudaFree(memory);
}

TEST(CudaEmulation, AKernelThatBeginsEarlyAndDoesNotWaitIsNoticed) {
  const auto send_two = [] {
    for (int i = 0; i < 2; ++i) {
      emulation::launch(
          {nullptr, 0, [] { emulation::run_grid(dim3(1), dim3(1), 0, [] {}); }, true});
    }
    cudaStreamSynchronize(nullptr);
  };
  EXPECT_DEATH(send_two(), "did not wait for the one in front of it");
}

TEST(CudaEmulation, PiecesOfCodesFollowTheView) {
  const test::PackedSource weights(*find_format("Q6_K"), 256, 3);
  const auto plan = cuda::plan_weights(weights.source());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->low_row, 128);
  EXPECT_EQ(plan->high_row, 64);
  EXPECT_EQ(plan->scales_row, 16);
  EXPECT_EQ(plan->supers_row, 4);
}

}  // namespace
}  // namespace linnet
