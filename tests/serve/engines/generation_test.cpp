#include "serve/engines/generation.hpp"

#include <gtest/gtest.h>

#include "generate/loading/model_file.hpp"
#include "support/paths.hpp"

namespace linnet::serve {
namespace {

// A text of the bundled model's tokens that nobody generates.
class GenerationTest : public testing::Test {
 protected:
  std::shared_ptr<Generation> generation(bool is_streamed, std::vector<std::string> stops = {}) {
    const Generation::Options options{{std::move(stops), 0, {}}, is_streamed};
    auto made =
        std::make_shared<Generation>(*file_->tokenizer(), options, metrics_, [this] { ++told_; });
    made->collect_notices(notices_);
    return made;
  }

  std::unique_ptr<ModelFile> file_ = std::move(*ModelFile::open(test::kBundledModel));
  std::vector<TokenId> tokens_ = *file_->tokenizer()->encode("In the beginning God created", {});
  ModelMetrics metrics_;
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

// What the engine calls cancelled is then no client that left.
TEST_F(GenerationTest, AWatchEndsTheText) {
  std::string seen;
  Generation::Options options;
  options.is_streamed = false;
  options.watch = [&](std::string_view text) { return (seen += text).ends_with("beginning"); };
  const auto text =
      std::make_shared<Generation>(*file_->tokenizer(), options, metrics_, [this] { ++told_; });
  std::int64_t pushed = 1;
  for (std::size_t i = 0; text->push(tokens_[i]); ++i) ASSERT_LT(++pushed, std::ssize(tokens_));
  text->finish(FinishReason::kCancelled);
  Outcome outcome;
  EXPECT_EQ(text->take(outcome).text, " In the beginning");
  EXPECT_EQ(outcome.reason, FinishReason::kStop);
  EXPECT_EQ(outcome.tokens, pushed);
  EXPECT_EQ(metrics_.cancelled, 0);
}

// A character that is not complete comes out as U+FFFD, which may be what ends the text.
TEST_F(GenerationTest, AStopStringThatComesAtTheEndIsTheReason) {
  const auto text = generation(/*is_streamed=*/false, {"\ufffd"});
  const std::vector<TokenId> euro = *file_->tokenizer()->encode("\u20ac", {});
  ASSERT_GT(euro.size(), 1u);
  for (std::size_t i = 0; i + 1 < euro.size(); ++i) EXPECT_TRUE(text->push(euro[i]));
  text->finish(FinishReason::kLength);
  Outcome outcome;
  EXPECT_EQ(text->take(outcome).text, " ");
  EXPECT_EQ(outcome.reason, FinishReason::kStop);
  EXPECT_EQ(outcome.stop_string, "\ufffd");
}

TEST_F(GenerationTest, TheBeginningOfAStopStringComesOutAtTheEnd) {
  const auto text = generation(/*is_streamed=*/false, {"God created the"});
  for (const TokenId token : tokens_) EXPECT_TRUE(text->push(token));
  text->finish(FinishReason::kLength);
  Outcome outcome;
  EXPECT_EQ(text->take(outcome).text, " In the beginning God created");
  EXPECT_EQ(outcome.reason, FinishReason::kLength);
}

// Eleven log probabilities a token, until there is one too many.
void add_logprobs(Generation& text, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 11) text.add_logprobs({{}, {10, {1, -0.5}}});
}

TEST_F(GenerationTest, AStreamThatIsReadTooSlowlyFails) {
  const auto text = generation(/*is_streamed=*/true);
  Outcome outcome;
  for (int i = 0; i < 3; ++i) {  // whoever keeps up may have as many as he likes
    add_logprobs(*text, Generation::kMostUntakenLogprobs - 11);
    EXPECT_GT(text->take(outcome).logprobs.size(), 20'000u);
  }
  EXPECT_FALSE(text->is_cancelled());
  EXPECT_FALSE(outcome.reason);
  add_logprobs(*text, Generation::kMostUntakenLogprobs + 1);
  EXPECT_TRUE(text->is_cancelled());
  text->take(outcome);
  EXPECT_TRUE(outcome.reason);
  EXPECT_EQ(outcome.error,
            "the stream is read too slowly: more than 262144 log probabilities wait");
  EXPECT_EQ(outcome.error_code, "slow_reader");
}

TEST_F(GenerationTest, AnAnswerThatIsNotStreamedKeepsAllLogprobs) {
  const auto text = generation(/*is_streamed=*/false);
  add_logprobs(*text, Generation::kMostUntakenLogprobs + 11);
  EXPECT_FALSE(text->is_cancelled());
}

}  // namespace
}  // namespace linnet::serve
