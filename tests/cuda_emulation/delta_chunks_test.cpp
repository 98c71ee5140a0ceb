// Which kernels the scans of delta nets take.

#include "cuda/delta_net.hpp"
#include "emulation.hpp"
#include "support/evaluate.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using test::DeltaNet;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

class CudaDeltaKernelsTest : public test::CudaTest {
 protected:
  std::vector<std::string> kernels_of(const DeltaNet& net, const std::vector<int>& counts) {
    emulation::launched_kernels();
    net.run(*cuda_, {counts});
    return emulation::launched_kernels();
  }
  void use(const CudaOptions& options) {
    auto made = make_cuda_backend(1, options);
    ASSERT_TRUE(made) << made.error().message;
    cuda_ = std::move(*made);
  }
};

TEST_F(CudaDeltaKernelsTest, LongRunsGoInChunks) {
  DeltaNet net(2, 2, 16, 16);
  EXPECT_THAT(kernels_of(net, {32}), ElementsAre("prepare_chunks", "scan_chunks"));
  EXPECT_THAT(kernels_of(net, {40, 5}), ElementsAre("prepare_chunks", "scan_chunks", "scan_runs"));
  EXPECT_THAT(kernels_of(net, {31, 5}), ElementsAre("scan_runs"));
  net.own_decays = true;
  EXPECT_THAT(kernels_of(net, {32}), ElementsAre("prepare_decayed_chunks", "scan_chunks"));
}

TEST_F(CudaDeltaKernelsTest, WhatHasNoKernelIsScanned) {
  EXPECT_THAT(kernels_of(DeltaNet(1, 1, 136, 16), {40}), ElementsAre("scan_runs"));
  DeltaNet net(1, 1, 128, 16);
  net.params.rule = ScanRule::kAdd;
  EXPECT_THAT(kernels_of(net, {40}), ElementsAre("scan_runs"));
  net.params.rule = ScanRule::kDelta;
  emulation::set_shared_bytes(99 << 10);  // an RTX's
  use(test::options_of_environment());
  EXPECT_THAT(kernels_of(net, {40}), Contains("scan_chunks"));
  net.own_decays = true;
  EXPECT_THAT(kernels_of(net, {40}), ElementsAre("scan_runs"));
  emulation::set_shared_bytes(227 << 10);
}

// A row's bits must not depend on where a chunk begins.
TEST_F(CudaDeltaKernelsTest, DeterministicOnesAreScanned) {
  CudaOptions options;
  options.deterministic = true;
  use(options);
  EXPECT_THAT(kernels_of(DeltaNet(1, 1, 16, 16), {40}), ElementsAre("scan_runs"));
  use({.chunks = false});
  EXPECT_THAT(kernels_of(DeltaNet(1, 1, 16, 16), {40}), ElementsAre("scan_runs"));
}

// The golden prompts of all architectures with delta nets, whose logits CudaModelTest compares.
TEST_F(CudaDeltaKernelsTest, GoldenPromptsGoInChunks) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "model.gguf";
  for (const char* name : {"qwen35-own", "qwen35moe-moe", "qwen3next-own", "qwen4exp-own",
                           "kimi-linear-moe", "kimi-k3-own", "bailingmoe3-own"}) {
    const auto oracle = test::OracleCase::read(name);
    ASSERT_TRUE(oracle.write(path));
    const auto tokens = oracle.tokens();
    emulation::launched_kernels();
    ASSERT_TRUE(test::evaluate(path, *cuda_, tokens, static_cast<std::int64_t>(tokens.size())));
    const auto kernels = emulation::launched_kernels();
    EXPECT_THAT(kernels, Contains("scan_chunks")) << name;
    EXPECT_THAT(kernels, Not(Contains("scan_runs"))) << name;
  }
}

}  // namespace
}  // namespace linnet
