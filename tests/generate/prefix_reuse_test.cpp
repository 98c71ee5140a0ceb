// A text is the same whether its beginning was found in the cache or computed, alone or in company,
// for a model of each kind of mixer that keeps something of a sequence.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "generate/engine.hpp"
#include "support/oracle_case.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kStepRows = 32;
constexpr std::int64_t kNewTokens = 40;

class PrefixReuseTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const fs::path source = fs::path(LINNET_SOURCE_DIR) / "tests/data/architectures" /
                            (std::string(GetParam()) + ".json");
    const auto oracle = test::OracleCase::read(source);
    vocabulary_ = static_cast<std::int32_t>(oracle.vocabulary());
    path_ = fs::temp_directory_path() /
            ("linnet-reuse-" + std::to_string(getpid()) + "-" + GetParam() + ".gguf");
    const Status written = oracle.write(path_);
    ASSERT_TRUE(written) << written.error().message;
    auto file = ModelFile::open(path_);
    ASSERT_TRUE(file) << file.error().message;
    file_ = std::move(*file);
  }
  void TearDown() override { fs::remove(path_); }

  std::unique_ptr<Engine> engine() {
    EngineOptions options;
    options.threads = 1;
    options.limits.rows = kStepRows;
    auto engine = Engine::load(*file_, options, 2048);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }

  std::vector<std::int32_t> prompt(int length, int salt = 0) const {
    std::vector<std::int32_t> tokens;
    for (int i = 0; i < length; ++i) tokens.push_back((i * 37 + salt * 11 + 5) % vocabulary_);
    return tokens;
  }

  static void submit(Engine& engine, std::vector<std::int32_t> prompt,
                     std::vector<std::int32_t>& text) {
    GenerateRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = kNewTokens;
    request.sampling.temperature = 0.0f;
    request.on_token = [&text](std::int32_t token) {
      text.push_back(token);
      return true;
    };
    const Status status = engine.submit(std::move(request));
    ASSERT_TRUE(status) << status.error().message;
  }

  // Runs until all requests have ended; gives the number of steps.
  static int finish(Engine& engine) {
    int steps = 0;
    for (; !engine.idle(); ++steps) {
      const Status status = engine.step();
      EXPECT_TRUE(status) << status.error().message;
      if (!status) break;
    }
    return steps;
  }

  std::unique_ptr<ModelFile> file_;
  fs::path path_;
  std::int32_t vocabulary_ = 0;
};

TEST_P(PrefixReuseTest, ARepeatedPromptIsNotComputedAgainAndGivesTheSameText) {
  const auto engine = this->engine();
  std::vector<std::int32_t> cold, warm;
  submit(*engine, prompt(200), cold);
  const int cold_steps = finish(*engine);
  submit(*engine, prompt(200), warm);
  const int warm_steps = finish(*engine);
  EXPECT_EQ(warm, cold);
  EXPECT_EQ(cold_steps, 7 + kNewTokens - 1) << "chunks of 32 and the rest, then single tokens";
  EXPECT_EQ(warm_steps, kNewTokens) << "the eight tokens behind the last page, then single tokens";
}

TEST_P(PrefixReuseTest, AConversationGoesOnBehindWhatWasGenerated) {
  const auto engine = this->engine();
  std::vector<std::int32_t> answer, second, alone;
  submit(*engine, prompt(50), answer);
  finish(*engine);
  std::vector<std::int32_t> next = prompt(50);
  next.insert(next.end(), answer.begin(), answer.end());
  submit(*engine, next, second);
  EXPECT_LE(finish(*engine), 1 + kNewTokens);  // 90 tokens, of which 64 are known
  const auto other = this->engine();
  submit(*other, next, alone);
  finish(*other);
  EXPECT_EQ(second, alone);
}

TEST_P(PrefixReuseTest, CompanyChangesNothing) {
  std::vector<std::int32_t> alone;
  const auto engine = this->engine();
  submit(*engine, prompt(70, 1), alone);
  finish(*engine);
  const auto busy = this->engine();
  std::vector<std::vector<std::int32_t>> texts(5);
  for (int i = 0; i < 5; ++i)
    submit(*busy, prompt(i == 2 ? 70 : 31 + 20 * i, i == 2 ? 1 : i), texts[i]);
  finish(*busy);
  EXPECT_EQ(texts[2], alone);
}

TEST_P(PrefixReuseTest, ALimitOfPromptRowsHoldsBesideTextsAndChangesNoText) {
  std::vector<std::int32_t> alone, running, late;
  const auto engine = this->engine();
  submit(*engine, prompt(70, 1), alone);
  finish(*engine);
  const auto paced = this->engine();
  submit(*paced, prompt(20), running);
  ASSERT_TRUE(paced->step());
  paced->limit_prompt_rows(8);
  submit(*paced, prompt(70, 1), late);
  int steps = 0;
  for (; late.empty(); ++steps) {
    ASSERT_TRUE(paced->step());
    EXPECT_LE(paced->scheduler().last_step().prompt_rows, 8);
    EXPECT_GE(paced->scheduler().last_step().texts, 1);
  }
  EXPECT_GE(steps, 70 / 8);
  finish(*paced);
  EXPECT_EQ(late, alone);
}

INSTANTIATE_TEST_SUITE_P(Mixers, PrefixReuseTest,
                         testing::Values("llama-dense", "lfm2-dense", "mamba-dense", "mamba2-dense",
                                         "granitehybrid-dense", "rwkv6-dense", "falcon-h1-dense",
                                         "plamo2-dense", "qwen35moe-moe", "qwen3next-own",
                                         "kimi-linear-moe"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace linnet
