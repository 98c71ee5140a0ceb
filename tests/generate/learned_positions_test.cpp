// A model with a table of positions goes no further than the table.

#include <gmock/gmock.h>

#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

class LearnedPositions : public testing::TestWithParam<const char*> {
 protected:
  const test::TinyModel model_{GetParam()};
  const int rows_ = static_cast<int>(model_.file().spec().position_rows);
};

TEST_P(LearnedPositions, ATextBeyondTheTableIsRefused) {
  ASSERT_GT(rows_, 0);
  const auto engine = model_.engine(test::TinyModel::options(), 4 * rows_);
  GenerateRequest request;
  request.prompt = model_.prompt(rows_);
  request.on_hidden = [](std::int64_t, std::span<const float>) {};
  EXPECT_TRUE(engine->submit(request));
  request.prompt = model_.prompt(rows_ + 1);
  const Status refused = engine->submit(request);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("holds " + std::to_string(rows_)));
}

TEST_P(LearnedPositions, AContextBeyondTheTableIsRefused) {
  EngineOptions options;
  EXPECT_LE(model_.file().plan(options)->context, rows_);
  options.context = rows_ + 1;
  const auto refused = model_.file().plan(options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("knows " + std::to_string(rows_) + " positions"));
}

INSTANTIATE_TEST_SUITE_P(Cases, LearnedPositions,
                         testing::Values("gpt2-dense", "starcoder-dense", "bert-own"));

}  // namespace
}  // namespace linnet
