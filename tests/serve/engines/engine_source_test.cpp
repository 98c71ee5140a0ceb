#include "serve/engines/engine_source.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "serve/engines/generation.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::serve {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kKvTokens = 4096;

class EngineSourceTest : public testing::Test {
 protected:
  // A plan of a machine's memory, where it says that the weights take so much.
  EngineSource source(std::int64_t weights_bytes, const EngineOptions& options = {}) const {
    MemoryPlan plan = *file_->plan(options);
    plan.shares.front().weights_bytes = weights_bytes;
    return engine_source(*file_, options, plan, kKvTokens);
  }
  static std::int64_t available() { return *available_bytes(BackendKind::kCpu); }

  std::unique_ptr<ModelFile> file_ = std::move(*ModelFile::open(test::kBundledModel));
};

TEST_F(EngineSourceTest, ItTakesItsWeightsAndItsCache) {
  const MemoryPlan plan = *file_->plan({});
  const EngineSource small = engine_source(*file_, {}, plan, kKvTokens);
  EXPECT_EQ(small.bytes, plan.shares.front().bytes(kKvTokens));
  EXPECT_TRUE(small.check_memory({}));
  const auto engine = small.load();
  ASSERT_TRUE(engine) << engine.error().message;
  EXPECT_EQ((*engine)->kv_tokens(), kKvTokens);
}

TEST_F(EngineSourceTest, TooMuchIsSaidInNumbers) {
  const std::int64_t bytes = available() * 2;
  const Status status = source(bytes).check_memory({});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, kNoMemory);
  EXPECT_THAT(
      status.error().message,
      testing::MatchesRegex(".*linnet-kjv.gguf: the model with a cache for 4096 tokens needs "
                            "[0-9]+ MiB of memory and [0-9]+ MiB are available beside 0 "
                            "other models"));
  EngineOptions force;
  force.force = true;
  EXPECT_TRUE(source(bytes, force).check_memory({})) << "it was asked for";
  EXPECT_FALSE(source(bytes, force).check_memory({.count = 1})) << "others leave before";
}

// Reading what is not there any more would end the program.
TEST_F(EngineSourceTest, AFileThatWasCutIsNotRead) {
  const test::TemporaryFolder folder;
  const auto path = folder / "model.gguf";
  std::filesystem::copy_file(test::kBundledModel, path);
  const auto file = std::move(*ModelFile::open(path));
  const EngineSource cut = engine_source(*file, {}, *file->plan({}), kKvTokens);
  std::filesystem::resize_file(path, 1000);
  const auto engine = cut.load();
  ASSERT_FALSE(engine);
  EXPECT_THAT(engine.error().message, testing::HasSubstr("model.gguf: "));
}

// What others were given is theirs, touched or not.
TEST_F(EngineSourceTest, WhatOthersHaveNotTouchedYetIsNotLeft) {
  const EngineSource half = source(available() / 2);
  EXPECT_TRUE(half.check_memory({.count = 1, .bytes = kMiB}));
  EXPECT_FALSE(half.check_memory({.count = 1, .bytes = available() * 3 / 4}));
}

TEST(LeftBeside, OthersLeaveWhatTheyWereNotGivenAndAReserve) {
  const std::int64_t reserve = reserve_bytes(BackendKind::kCpu);
  const auto left = [](std::size_t count, std::int64_t given, std::int64_t touched) {
    return left_beside({count, given}, BackendKind::kCpu, 4000 * kMiB, touched);
  };
  EXPECT_EQ(left(0, 0, 0), 4000 * kMiB) << "as it was planned";
  EXPECT_EQ(left(1, 1000 * kMiB, 300 * kMiB), 3300 * kMiB - reserve);
  EXPECT_EQ(left(1, 1000 * kMiB, 1200 * kMiB), 4000 * kMiB - reserve);
  EXPECT_EQ(left(1, 9000 * kMiB, 300 * kMiB), 0);
  EXPECT_EQ(left_beside({1, 1000 * kMiB}, BackendKind::kCuda, 4000 * kMiB, 0),
            4000 * kMiB - reserve_bytes(BackendKind::kCuda));
}

}  // namespace
}  // namespace linnet::serve
