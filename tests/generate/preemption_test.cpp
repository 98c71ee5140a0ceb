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

// One that waits for what it has in common with an older one is overtaken by a younger one, whose
// page it then lacks.
TEST(Preemption, WhoHasBegunGoesOnWhereAnOlderOneHasNoRoom) {
  const test::TinyModel model("llama-dense");
  const auto with = [](std::vector<TokenId> beginning, const std::vector<TokenId>& rest) {
    beginning.insert(beginning.end(), rest.begin(), rest.end());
    return beginning;
  };
  const std::vector<TokenId> common = model.prompt(2 * kPageTokens, 1);
  const GenerateRequest requests[] = {
      greedy(model.prompt(10, 2), 60), greedy(with(common, model.prompt(2, 3)), 4),
      greedy(with(common, model.prompt(430, 4)), 8), greedy(model.prompt(200, 5), 8)};
  const auto engine = model.engine(test::TinyModel::options(), 16 * kPageTokens);
  engine->limit_prompt_rows(kPageTokens);
  std::vector<Text> texts(std::size(requests));
  submit(*engine, requests[0], texts[0]);
  while (texts[0].tokens.empty()) ASSERT_TRUE(engine->step());
  for (std::size_t i = 1; i < texts.size(); ++i) submit(*engine, requests[i], texts[i]);
  test::finish(*engine);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(texts[i].tokens, test::run(*model.engine(), requests[i]).tokens) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PreemptionTest,
                         testing::Values("llama-dense", "mamba2-dense", "llada-dense",
                                         "llada-moe-moe", "dream-dense", "rnd1-moe", "t5-own"),
                         test::test_name<const char*>);

}  // namespace
}  // namespace linnet
