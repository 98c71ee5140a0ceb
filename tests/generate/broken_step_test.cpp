// A step that breaks off leaves nothing in the cache that is wrong. The states of all its sequences
// have moved on by then, of some without anybody having been told.

#include <gtest/gtest.h>

#include <stdexcept>

#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using test::greedy;
using test::run;
using test::submit;
using test::Text;

class BrokenStepTest : public testing::TestWithParam<const char*> {
 protected:
  const test::TinyModel model_{GetParam()};
};

TEST_P(BrokenStepTest, LeavesOnlyWhatIsRight) {
  const auto engine = model_.engine();
  GenerateRequest breaking = greedy(model_.prompt(20), 40);
  breaking.on_token = [count = 0](std::int32_t) mutable {
    if (++count == 7) throw std::runtime_error("of the caller");
    return true;
  };
  ASSERT_TRUE(engine->submit(std::move(breaking)));
  Text beside;
  submit(*engine, greedy(model_.prompt(33, 1), 40), beside);
  EXPECT_THROW((void)engine->run(), std::runtime_error);
  EXPECT_TRUE(engine->idle());
  EXPECT_EQ(engine->scheduler().free_pages(), engine->scheduler().pages());
  ASSERT_GE(beside.tokens.size(), 2u);

  std::vector<std::int32_t> next = model_.prompt(33, 1);
  next.insert(next.end(), beside.tokens.begin(), beside.tokens.end());
  const Text after = run(*engine, greedy(next, 20));
  EXPECT_EQ(after.tokens, run(*model_.engine(), greedy(next, 20)).tokens);
}

INSTANTIATE_TEST_SUITE_P(Mixers, BrokenStepTest, test::kMixerCases, test::test_name<const char*>);

}  // namespace
}  // namespace linnet
