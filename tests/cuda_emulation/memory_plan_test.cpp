// How many layers of a model go to a GPU of some size.

#include "emulation.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kReserve = std::int64_t{2048} << 20;  // see memory_plan.cpp

class CudaLayersPlanTest : public testing::Test {
 protected:
  void SetUp() override {
    options_ = test::TinyModel::options();
    options_.backend = BackendKind::kCuda;
    options_.context = 256;
  }
  void TearDown() override { emulation::set_memory_limit(0); }

  MemoryPlan plan(const test::TinyModel& model) {
    const auto plan = model.file().plan(options_);
    EXPECT_TRUE(plan) << plan.error().message;
    return plan ? *plan : MemoryPlan{};
  }
  // The smallest GPU that holds the last `layers`.
  std::int64_t bytes_for(const test::TinyModel& model, int layers) {
    EngineOptions fixed = options_;
    fixed.gpu_layers = layers;
    const auto plan = model.file().plan(fixed);
    EXPECT_TRUE(plan);
    return kReserve + plan->shares.back().bytes(plan->context) + 1;
  }

  EngineOptions options_;
};

TEST_F(CudaLayersPlanTest, AsManyLayersAsFit) {
  const test::TinyModel model("jamba-dense");
  EXPECT_EQ(plan(model).shares.size(), 1u);
  const std::int64_t all = bytes_for(model, 2), one = bytes_for(model, 1);
  ASSERT_GT(all, one + 4096);
  for (const auto& [bytes, layers] : {std::pair{all + 4096, 2}, {all - 4096, 1}, {one + 4096, 1}}) {
    emulation::set_memory_limit(static_cast<std::size_t>(bytes));
    EXPECT_EQ(plan(model).gpu_layers(model.file().spec()), layers) << bytes;
  }
  emulation::set_memory_limit(static_cast<std::size_t>(one - 4096));
  const auto none = model.file().plan(options_);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("MiB are available"), std::string::npos);
}

TEST_F(CudaLayersPlanTest, BothSidesAreCounted) {
  const test::TinyModel model("llama-dense");
  const MemoryPlan whole = plan(model);
  options_.gpu_layers = 1;
  const MemoryPlan split = plan(model);
  ASSERT_EQ(split.shares.size(), 2u);
  EXPECT_EQ(split.shares[0].part.backend, BackendKind::kCpu);
  EXPECT_EQ(split.shares[1].part.backend, BackendKind::kCuda);
  EXPECT_EQ(split.kv_bytes(), whole.kv_bytes());
  EXPECT_EQ(split.shares[0].kv_bytes_per_token, split.shares[1].kv_bytes_per_token);
  EXPECT_GT(split.shares[0].weights_bytes, 0);
  EXPECT_GT(split.shares[1].weights_bytes, 0);
}

TEST_F(CudaLayersPlanTest, TheDeviceHoldsWhatWasPlanned) {
  const test::TinyModel model("qwen3moe-moe");
  options_.gpu_layers = 1;
  const MemoryPlan split = plan(model);
  const std::size_t before = emulation::allocated_bytes();
  const auto engine = model.engine(options_, 256);
  const auto taken = static_cast<std::int64_t>(emulation::allocated_bytes() - before);
  EXPECT_GE(taken, split.shares[1].bytes(256));
  EXPECT_LT(taken, split.shares[1].bytes(256) + kReserve);
}

TEST_F(CudaLayersPlanTest, ALayerStaysWithTheKeysThatItReads) {
  const test::TinyModel model("gemma3n-dense");
  const ModelSpec& spec = model.file().spec();
  const int layers = static_cast<int>(spec.layers.size());
  options_.gpu_layers = 1;
  const int border = plan(model).shares.front().part.layers.end;
  EXPECT_TRUE(border == layers || can_part(spec, border));
}

}  // namespace
}  // namespace linnet
