// Prompts of delta nets in chunks, against the reference, which goes token by token.

#include "backend/cuda/chunk_plan.hpp"
#include "cuda/delta_net.hpp"

namespace linnet {
namespace {

using cuda::ChunkPlan;
using test::DeltaNet;
using testing::ElementsAre;

class CudaDeltaChunksTest : public test::CudaTest {
 protected:
  // The parts of a factor leave 2^-17 of it out at most, whose square is 6e-11.
  void check(const DeltaNet& net, const DeltaNet::Batches& batches) {
    expect_agreement([&](Backend& b) { return net.run(b, batches); }, 1e-10);
  }
};

// Whole chunks, the last one with few tokens or all but one, beside runs that are scanned; then
// single tokens, which show the states.
const DeltaNet::Batches kBatches = {{40, 5, 63}, {1, 1, 1}, {0, 64, 33}, {1, 1, 1}};

TEST_F(CudaDeltaChunksTest, OneDecayAHead) { check(DeltaNet(4, 2, 24, 37), kBatches); }

TEST_F(CudaDeltaChunksTest, ADecayAKey) {
  DeltaNet net(4, 4, 24, 37);
  net.own_decays = true;
  check(net, kBatches);
}

TEST_F(CudaDeltaChunksTest, KeysOfAllWidths) {
  for (const int width : {8, 64, 100, 128}) {
    for (const bool own_decays : {false, true}) {
      SCOPED_TRACE(testing::Message() << width << (own_decays ? ", own decays" : ""));
      DeltaNet net(2, 2, width, 20);
      net.own_decays = own_decays;
      check(net, {{75}, {1}});
    }
  }
}

TEST_F(CudaDeltaChunksTest, ValuesOfAllWidths) {
  for (const int width : {1, 16, 33, 128}) check(DeltaNet(1, 1, 16, width), {{35}, {1}});
}

TEST_F(CudaDeltaChunksTest, KeysInTurnsWithoutGainsAndWithASkip) {
  DeltaNet net(6, 3, 16, 16);
  net.params.sharing = KeySharing::kCyclic;
  net.has_skip = true;
  check(net, {{50}, {1}});
  net.has_gains = false;
  check(net, {{50}, {1}});
}

// Of long memory, of hardly any, and such that products of decays, or the decays themselves, are 0.
TEST_F(CudaDeltaChunksTest, DecaysOfAnyStrength) {
  for (const float rate : {0.0f, 0.001f, 1.0f, 10.0f, 1000.0f}) {
    for (const bool own_decays : {false, true}) {
      SCOPED_TRACE(testing::Message() << rate << (own_decays ? ", own decays" : ""));
      DeltaNet net(2, 1, 32, 16);
      net.rate = rate;
      net.own_decays = own_decays;
      check(net, {{96}, {1}});
    }
  }
}

// More chunks than are prepared at once, of one sequence and of two.
TEST_F(CudaDeltaChunksTest, LongRuns) {
  const DeltaNet net(1, 1, 16, 16);
  const int most = cuda::kChunksAtOnce * cuda::kChunkTokens;
  check(net, {{2 * most + 7}, {1}});
  check(net, {{most - 40, 100, 70}, {1, 1, 1}});
}

TEST(CudaChunkPlan, ShortRunsAreScannedAndLongOnesAreCut) {
  constexpr int kMost = cuda::kChunksAtOnce * cuda::kChunkTokens;
  ChunkPlan plan;
  plan.make(std::vector<SequenceRun>{{0, 1, 5}, {1, 34, 6}, {34, 65, 7}, {65, 65 + kMost, 8}});
  EXPECT_THAT(plan.rest, ElementsAre(0, 1, 5, 34, 65, 7));
  // Two chunks of slot 6, then as much of slot 8 as there is room for, and the rest of it.
  const int cut = 65 + kMost - 64;
  EXPECT_THAT(plan.pieces, ElementsAre(1, 34, 6, 0, 65, cut, 8, 2, cut, 65 + kMost, 8, 0));
  ASSERT_EQ(plan.launches.size(), 2u);
  EXPECT_EQ(plan.launches[0].first, 0u);
  EXPECT_EQ(plan.launches[0].pieces, 2u);
  EXPECT_EQ(plan.launches[0].chunks, cuda::kChunksAtOnce);
  EXPECT_EQ(plan.launches[1].first, 2u);
  EXPECT_EQ(plan.launches[1].pieces, 1u);
  EXPECT_EQ(plan.launches[1].chunks, 2);
  plan.make(std::vector<SequenceRun>{{0, 31, 1}});
  EXPECT_THAT(plan.rest, ElementsAre(0, 31, 1));
  EXPECT_TRUE(plan.pieces.empty() && plan.launches.empty());
}

}  // namespace
}  // namespace linnet
