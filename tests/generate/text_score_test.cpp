// Perplexity and what is compared of two models.

#include "generate/text_score.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "support/model_copy.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using Tokens = std::vector<TokenId>;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Mean, KnowsItsError) {
  Mean mean;
  EXPECT_EQ(mean.value(), 0.0);
  EXPECT_EQ(mean.error(), std::nullopt);
  mean.add(1.0);
  EXPECT_EQ(mean.error(), std::nullopt);
  for (const double number : {2.0, 3.0, 6.0}) mean.add(number);
  EXPECT_EQ(mean.count(), 4);
  EXPECT_DOUBLE_EQ(mean.value(), 3.0);
  EXPECT_DOUBLE_EQ(mean.error().value(), std::sqrt((4.0 + 1.0 + 0.0 + 9.0) / 3.0 / 4.0));
}

TEST(CutWindows, LeavesOutWhatIsNoWholeWindow) {
  const Tokens tokens = {1, 2, 3, 4, 5, 6, 7};
  EXPECT_THAT(cut_windows(tokens, 3, {}), ElementsAre(Tokens{1, 2, 3}, Tokens{4, 5, 6}));
  EXPECT_THAT(cut_windows(tokens, 7, {}), ElementsAre(tokens));
  EXPECT_THAT(cut_windows(tokens, 100, {}), ElementsAre(tokens));
  EXPECT_TRUE(cut_windows({}, 3, {}).empty());
}

TEST(CutWindows, AllBeginAsTheTextDoes) {
  const Tokens tokens = {1, 2, 3, 4, 5, 6};
  EXPECT_THAT(cut_windows(tokens, 3, 1), ElementsAre(Tokens{1, 2, 3}, Tokens{1, 5, 6}));
  EXPECT_THAT(cut_windows(tokens, 3, 9), ElementsAre(Tokens{1, 2, 3}, Tokens{4, 5, 6}));
}

class TextScoreTest : public testing::Test {
 protected:
  static constexpr std::int64_t kWindow = 16;

  static std::unique_ptr<ModelFile> open(const std::filesystem::path& path) {
    auto file = ModelFile::open(path.string());
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }
  static std::unique_ptr<Engine> load(const ModelFile& file) {
    auto engine = Engine::load(file, test::TinyModel::options(), kWindow);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }
  // The bundled model with other norms in front of its results.
  std::unique_ptr<ModelFile> changed(float norm) const {
    const Status written = test::ModelCopy()
                               .fill("output_norm.weight", norm, 0, 64)
                               .write(folder_ / "changed.gguf", test::kBundledModel);
    EXPECT_TRUE(written) << written.error().message;
    return open(folder_ / "changed.gguf");
  }

  const test::TemporaryFolder folder_;
  const std::unique_ptr<ModelFile> file_ = open(test::kBundledModel);
  const Tokenizer& tokenizer_ = *file_->tokenizer();
  const Tokens tokens_ = *tokenizer_.encode(
      "In the beginning God created the heaven and the earth. And the earth was "
      "without form, and void; and darkness was upon the face of the deep. And "
      "the Spirit of God moved upon the face of the waters.",
      {.add_special = true, .parse_special = false});
  const ScoreOptions options_ = {.window = kWindow, .progress = {}};
};

TEST_F(TextScoreTest, IsWhatTheLogitsSay) {
  const auto engine = load(*file_);
  const auto score = score_text(*engine, tokenizer_, tokens_, options_);
  ASSERT_TRUE(score) << score.error().message;
  double surprise = 0.0;
  std::int64_t count = 0, bytes = 0;
  for (const Tokens& window : cut_windows(tokens_, kWindow, tokenizer_.bos())) {
    const auto logits = test::all_logits(*engine, window);
    ASSERT_TRUE(logits) << logits.error().message;
    for (std::size_t i = kWindow / 2 + 1; i < kWindow; ++i, ++count) {
      const auto vocabulary = static_cast<std::size_t>(tokenizer_.vocabulary_size());
      const std::span row = std::span(*logits).subspan((i - 1) * vocabulary, vocabulary);
      double sum = 0.0;
      for (const float logit : row) sum += std::exp(static_cast<double>(logit));
      surprise += std::log(sum) - row[static_cast<std::size_t>(window[i])];
      bytes += std::ssize(tokenizer_.token_bytes(window[i], false));
    }
  }
  ASSERT_EQ(score->surprise.count(), count);
  ASSERT_GT(count, kWindow / 2);  // more than one window
  const double mean = surprise / static_cast<double>(count);
  EXPECT_NEAR(score->surprise.value(), mean, 1e-6);
  EXPECT_NEAR(score->perplexity(), std::exp(mean), 1e-4);
  EXPECT_EQ(score->bytes, bytes);
  EXPECT_NEAR(score->bits_a_byte(), surprise / std::log(2.0) / static_cast<double>(bytes), 1e-6);
  EXPECT_NEAR(score->perplexity_error().value(),
              score->perplexity() * score->surprise.error().value(), 1e-9);
}

TEST_F(TextScoreTest, ModelIsNoWayFromItself) {
  const auto engine = load(*file_), reference = load(*file_);
  const auto scored = compare_models(*engine, *reference, tokenizer_, tokens_, options_);
  ASSERT_TRUE(scored) << scored.error().message;
  EXPECT_NEAR(scored->distance.divergence.value(), 0.0, 1e-9);
  EXPECT_EQ(scored->distance.same_choice.value(), 1.0);
  EXPECT_EQ(scored->distance.added_surprise.value(), 0.0);
  EXPECT_EQ(scored->score.perplexity(), scored->distance.reference.perplexity());
  EXPECT_EQ(scored->score.perplexity(),
            score_text(*engine, tokenizer_, tokens_, options_)->perplexity());
}

TEST_F(TextScoreTest, DistanceIsThatOfTheDistributions) {
  const auto other = changed(0.5f);
  const auto engine = load(*other), reference = load(*file_);
  const auto scored = compare_models(*engine, *reference, tokenizer_, tokens_, options_);
  ASSERT_TRUE(scored) << scored.error().message;
  double divergence = 0.0;
  std::int64_t count = 0, same = 0;
  for (const Tokens& window : cut_windows(tokens_, kWindow, tokenizer_.bos())) {
    const auto q = test::all_logits(*engine, window), p = test::all_logits(*reference, window);
    const auto vocabulary = static_cast<std::size_t>(tokenizer_.vocabulary_size());
    for (std::size_t i = kWindow / 2; i + 1 < kWindow; ++i, ++count) {
      const float* const p_row = p->data() + i * vocabulary;
      const float* const q_row = q->data() + i * vocabulary;
      double p_sum = 0.0, q_sum = 0.0;
      for (std::size_t j = 0; j < vocabulary; ++j) {
        p_sum += std::exp(static_cast<double>(p_row[j]));
        q_sum += std::exp(static_cast<double>(q_row[j]));
      }
      for (std::size_t j = 0; j < vocabulary; ++j) {
        const double log_p = p_row[j] - std::log(p_sum), log_q = q_row[j] - std::log(q_sum);
        divergence += std::exp(log_p) * (log_p - log_q);
      }
      same += std::max_element(p_row, p_row + vocabulary) - p_row ==
              std::max_element(q_row, q_row + vocabulary) - q_row;
    }
  }
  EXPECT_EQ(scored->distance.divergence.count(), count);
  EXPECT_NEAR(scored->distance.divergence.value(), divergence / static_cast<double>(count), 1e-6);
  EXPECT_GT(scored->distance.divergence.value(), 1e-3);
  EXPECT_DOUBLE_EQ(scored->distance.same_choice.value(),
                   static_cast<double>(same) / static_cast<double>(count));
  EXPECT_NEAR(scored->distance.added_surprise.value(),
              scored->score.surprise.value() - scored->distance.reference.surprise.value(), 1e-9);
}

TEST_F(TextScoreTest, TellsHowFarItIs) {
  std::vector<std::pair<std::int64_t, std::int64_t>> calls;
  ScoreOptions options = options_;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    calls.emplace_back(done, total);
  };
  ASSERT_TRUE(score_text(*load(*file_), tokenizer_, std::span(tokens_).first(40), options));
  EXPECT_THAT(calls, ElementsAre(std::pair(1, 2), std::pair(2, 2)));
}

// A reference that is as good as sure, because its logits are that large.
TEST_F(TextScoreTest, DistanceFromLargeLogits) {
  const auto other = changed(1e30f);
  const auto engine = load(*file_), reference = load(*other);
  const auto scored = compare_models(*engine, *reference, tokenizer_, tokens_, options_);
  ASSERT_TRUE(scored) << scored.error().message;
  EXPECT_GT(scored->distance.divergence.value(), 0.1);
  EXPECT_LT(scored->distance.divergence.value(), 20.0);
}

TEST_F(TextScoreTest, FailsWithASentence) {
  const auto engine = load(*file_);
  const auto too_short = score_text(*engine, tokenizer_, std::span(tokens_).first(2), options_);
  ASSERT_FALSE(too_short);
  EXPECT_EQ(too_short.error().message, "the text has 2 tokens, but at least 3 are needed");

  // A tokenizer may know more tokens than the model; the last one of a window is not evaluated.
  Tokens beyond(tokens_.begin(), tokens_.begin() + kWindow);
  beyond.back() = static_cast<TokenId>(engine->model().spec().vocabulary);
  const auto unknown = score_text(*engine, tokenizer_, beyond, options_);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("is not in the vocabulary"));

  const auto damaged_file = changed(std::numeric_limits<float>::max());
  ScoreOptions named = options_;
  named.model = "model.gguf";
  const auto damaged = score_text(*load(*damaged_file), tokenizer_, tokens_, named);
  ASSERT_FALSE(damaged);
  EXPECT_THAT(damaged.error().message, HasSubstr("model.gguf: the logits that predict token "));

  const test::TinyModel tiny("llama-dense");
  const auto other = tiny.engine();
  const auto compared = compare_models(*engine, *other, tokenizer_, tokens_, options_);
  ASSERT_FALSE(compared);
  EXPECT_THAT(compared.error().message, HasSubstr("only models of one vocabulary"));
}

}  // namespace
}  // namespace linnet
