// A text that gave its memory to an older one, and is computed again later, is the same: also where
// the tokens of a prompt see each other, or a text is written beside an input.

#include <gtest/gtest.h>

#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using test::greedy;
using test::Text;

class PreemptionTest : public testing::TestWithParam<const char*> {
 protected:
  GenerateRequest request(int salt) const { return greedy(model_.prompt(30 + salt, salt), 85); }
  const test::TinyModel model_{GetParam()};
};

TEST_P(PreemptionTest, ChangesNoText) {
  // Each has room, two of them have not.
  const auto engine = model_.engine(test::TinyModel::options(), 5 * kPageTokens);
  std::vector<Text> texts(3);
  for (int i = 0; i < 3; ++i) submit(*engine, request(i), texts[i]);
  test::finish(*engine);
  EXPECT_GT(engine->scheduler().preemptions(), 0);
  EXPECT_EQ(engine->scheduler().free_pages(), engine->scheduler().pages());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(texts[i].tokens, test::run(*model_.engine(), request(i)).tokens) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PreemptionTest,
                         testing::Values("llama-dense", "mamba2-dense", "llada-dense",
                                         "llada-moe-moe", "dream-dense", "rnd1-moe", "t5-own"),
                         test::test_name<const char*>);

}  // namespace
}  // namespace linnet
