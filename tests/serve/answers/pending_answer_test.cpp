#include "serve/answers/pending_answer.hpp"

#include <gtest/gtest.h>

#include "generate/loading/model_file.hpp"
#include "serve/answers/formats.hpp"
#include "support/bundled_model.hpp"

namespace linnet::serve {
namespace {

// An answer of three choices that nobody generates.
class PendingAnswerTest : public testing::Test {
 protected:
  PendingAnswerTest() {
    for (int i = 0; i < 3; ++i) {
      choices_.push_back(std::make_shared<Generation>(*file_->tokenizer(), Generation::Options{},
                                                      metrics_, [] {}));
      choices_.back()->start(/*cached_tokens=*/0);
    }
  }
  PendingAnswer answer(bool streams) const {
    auto format = make_completion_format({}, *file_->tokenizer(), {{}, {}, {}});
    return {choices_, std::move(format), /*prompt_tokens=*/{4}, streams};
  }

  std::unique_ptr<ModelFile> file_ = std::move(*ModelFile::open(test::kBundledModel));
  ModelMetrics metrics_;
  std::vector<std::shared_ptr<Generation>> choices_;
};

// The first one may be the end-of-generation token alone.
TEST_F(PendingAnswerTest, ItsTimesAreThoseOfAChoiceWithTokens) {
  PendingAnswer pending = answer(/*streams=*/false);
  choices_[1]->push(300);
  for (const auto& choice : choices_) choice->finish(FinishReason::kStop);
  pending.take_events();
  ASSERT_TRUE(pending.finished());
  const Usage usage = pending.usage();
  EXPECT_EQ(usage.completion_tokens, 1);
  EXPECT_GT(usage.first_token_s, 0.0);
  EXPECT_GE(usage.prompt_s(), 0.0);
}

// Of an answer in one piece nothing else is told.
TEST_F(PendingAnswerTest, WhereAChoiceFailsTheOthersNeedNotGoOn) {
  PendingAnswer pending = answer(/*streams=*/false);
  choices_[1]->fail("broken");
  pending.take_events();
  EXPECT_FALSE(pending.finished());
  for (const auto& choice : {choices_[0], choices_[2]}) {
    EXPECT_TRUE(choice->is_cancelled());
    choice->finish(FinishReason::kCancelled);
  }
  pending.take_events();
  ASSERT_TRUE(pending.finished());
  EXPECT_EQ(pending.error()->message, "broken");
}

TEST_F(PendingAnswerTest, WhereAChoiceOfAStreamFailsTheOthersGoOn) {
  PendingAnswer pending = answer(/*streams=*/true);
  choices_[1]->fail("broken");
  pending.take_events();
  EXPECT_FALSE(choices_[0]->is_cancelled());
}

}  // namespace
}  // namespace linnet::serve
