#include "serve/generation.hpp"

#include <gtest/gtest.h>

#include "generate/model_file.hpp"

namespace linnet::serve {
namespace {

// A text of the bundled model's tokens that nobody generates.
class GenerationTest : public testing::Test {
 protected:
  std::shared_ptr<Generation> generation(bool is_streamed) {
    Generation::Options options;
    options.is_streamed = is_streamed;
    auto made =
        std::make_shared<Generation>(*file_->tokenizer(), options, metrics_, [this] { ++told_; });
    made->collect_notices(notices_);
    return made;
  }

  std::unique_ptr<ModelFile> file_ =
      std::move(*ModelFile::open(LINNET_SOURCE_DIR "/models/linnet-kjv.gguf"));
  std::vector<TokenId> tokens_ = *file_->tokenizer()->encode("In the beginning God created", {});
  Metrics metrics_;
  Notices notices_;
  int told_ = 0;
};

TEST_F(GenerationTest, AStreamGivesNoticeOfWhatWasNotTaken) {
  const auto text = generation(/*is_streamed=*/true);
  Outcome outcome;
  text->push(tokens_[0]);
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_TRUE(notices_[0].is_urgent);  // the first token
  text->push(tokens_[1]);
  EXPECT_EQ(notices_.size(), 1u);  // nobody has taken anything yet
  text->take(outcome);
  text->push(tokens_[2]);
  ASSERT_EQ(notices_.size(), 2u);
  EXPECT_FALSE(notices_[1].is_urgent);
  text->finish(FinishReason::kLength);
  ASSERT_EQ(notices_.size(), 3u);
  EXPECT_TRUE(notices_[2].is_urgent);
  EXPECT_EQ(told_, 0);
  notices_[0].generation->notify();
  EXPECT_EQ(told_, 1);
}

TEST_F(GenerationTest, AnAnswerThatIsNotStreamedGivesNoticeOfItsEnd) {
  const auto text = generation(/*is_streamed=*/false);
  for (const TokenId token : tokens_) text->push(token);
  EXPECT_TRUE(notices_.empty());
  text->finish(FinishReason::kLength);
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_TRUE(notices_[0].is_urgent);
  Outcome outcome;
  EXPECT_EQ(text->take(outcome).text, " In the beginning God created");
  EXPECT_EQ(outcome.tokens, std::ssize(tokens_));
}

}  // namespace
}  // namespace linnet::serve
