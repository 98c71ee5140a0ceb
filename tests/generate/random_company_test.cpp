// Whatever happens beside a text and to the cache, its log probabilities are bit for bit those of
// the text alone in a new engine: for a model of each kind of mixer, by random scripts of texts
// that begin, go on, part, are cancelled, break off and are kept in files, in engines of random
// sizes. LINNET_SEED sets the first seed, LINNET_SCRIPTS their number.

#include <gtest/gtest.h>

#include <cstdlib>
#include <list>
#include <random>
#include <stdexcept>

#include "support/prediction_layer.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kMostTokens = 30, kLongestPrompt = 190;

std::uint64_t number_from(const char* variable, std::uint64_t fallback) {
  const char* const value = std::getenv(variable);
  return value ? std::strtoull(value, nullptr, 10) : fallback;
}

// What was asked, and what came.
struct Asked {
  std::vector<std::int32_t> prompt;
  std::uint64_t seed = 0;  // 0: greedy
  std::int64_t most = 0;
  std::int64_t leaves_after = -1;  // tokens
  bool throws = false;
  bool is_cancelled = false;
  std::vector<std::int32_t> tokens;
  std::vector<double> logprobs;

  std::vector<std::int32_t> text() const {
    std::vector<std::int32_t> all = prompt;
    all.insert(all.end(), tokens.begin(), tokens.end());
    return all;
  }
};

Status submit(Engine& engine, Asked& asked) {
  GenerateRequest request = test::greedy(asked.prompt, asked.most);
  if (asked.seed > 0) {
    request.sampling.temperature = 0.8f;
    request.sampling.seed = asked.seed;
    for (int i = 0; i < 4; ++i) request.sampling.logit_bias.push_back({3 + i, 3.0f});
  }
  request.top_logprobs = 20;
  request.on_logprobs = [&asked](const TokenLogprobs& logprobs) {
    asked.logprobs.push_back(logprobs.chosen.logprob);
    for (const auto& entry : logprobs.top) asked.logprobs.push_back(entry.logprob);
  };
  request.is_cancelled = [&asked] { return asked.is_cancelled; };
  request.on_token = [&asked](std::int32_t token) {
    asked.tokens.push_back(token);
    const bool leaves = std::ssize(asked.tokens) == asked.leaves_after;
    if (leaves && asked.throws) throw std::runtime_error("of the caller");
    return !leaves;
  };
  return engine.submit(std::move(request));
}

template <class T>
bool begins_with(const std::vector<T>& whole, const std::vector<T>& beginning) {
  return beginning.size() <= whole.size() &&
         std::equal(beginning.begin(), beginning.end(), whole.begin());
}

class Script {
 public:
  Script(const test::TinyModel& model, std::uint64_t seed) : model_(model), random_(seed) {
    EngineOptions options;
    options.threads = 1 + below(3);
    const auto sets = cpu_instruction_sets();
    options.instruction_set = sets[below(static_cast<int>(sets.size()))];
    options.limits.rows = std::vector{1, 3, 8, 17, 32, 64, 512}[below(7)];
    options.limits.outputs = 1 + below(8);
    const auto& prediction = model.file().prediction();
    options.speculate = below(3) == 0 || (prediction && prediction->has_value());
    engine_ = model.engine(options, kLongestPrompt + kMostTokens + 100 * below(8));
  }

  void run() {
    for (int actions = 10 + below(25); actions > 0; --actions) {
      const int action = below(10);
      if (action < 4) begin();
      if (action >= 4 && action < 7) step(1 + below(12));
      if (action == 7) cancel_some();
      if (action == 8) break_off();
      if (action == 9) keep_one();
    }
    engine_->limit_prompt_rows(64);
    test::finish(*engine_);
    EXPECT_EQ(engine_->scheduler().free_pages(), engine_->scheduler().pages());
    for (const Asked& asked : asked_) compare(asked);
  }

 private:
  int below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }

  // Of a few beginnings, or of what came before, longer, shorter or changed.
  std::vector<std::int32_t> make_prompt() {
    std::vector<std::int32_t> prompt = model_.prompt(1 + below(kLongestPrompt), below(2));
    if (!asked_.empty() && below(3) > 0) {
      prompt = std::next(asked_.begin(), below(static_cast<int>(asked_.size())))->text();
      const std::size_t at = 1 + below(static_cast<int>(prompt.size()));
      if (below(2) == 0) prompt.resize(at);
      for (int more = below(40); more > 0; --more) prompt.push_back(below(model_.vocabulary()));
    }
    if (std::ssize(prompt) > kLongestPrompt) prompt.resize(kLongestPrompt);
    return prompt;
  }

  Asked& begin() {
    auto prompt = make_prompt();
    Asked& asked = asked_.emplace_back();
    asked.prompt = std::move(prompt);
    asked.seed = below(3);
    asked.most = 1 + below(kMostTokens);
    if (below(5) == 0) asked.leaves_after = 1 + below(10);
    const Status status = submit(*engine_, asked);
    EXPECT_TRUE(status) << status.error().message;
    return asked;
  }

  void step(int count) {
    engine_->limit_prompt_rows(std::vector{0, 1, 5, 64, 1000}[below(5)]);
    for (; count > 0; --count) EXPECT_TRUE(engine_->step());
  }

  void cancel_some() {
    for (Asked& asked : asked_) asked.is_cancelled |= below(4) == 0;
  }

  void break_off() {
    Asked& asked = begin();
    asked.leaves_after = 1 + below(5);
    asked.throws = true;
    try {
      EXPECT_TRUE(engine_->run());
    } catch (const std::runtime_error&) {
      EXPECT_TRUE(engine_->idle());
    }
  }

  void keep_one() {
    if (asked_.empty()) return;
    const auto& asked = *std::next(asked_.begin(), below(static_cast<int>(asked_.size())));
    EXPECT_TRUE(engine_->save_session(folder_ / "session", asked.text()));
    EXPECT_TRUE(engine_->load_session(folder_ / "session"));
  }

  void compare(const Asked& asked) const {
    Asked alone;
    alone.prompt = asked.prompt;
    alone.seed = asked.seed;
    alone.most = asked.most;
    const auto engine = model_.engine();
    EXPECT_TRUE(submit(*engine, alone));
    test::finish(*engine);
    EXPECT_TRUE(begins_with(alone.tokens, asked.tokens));
    EXPECT_TRUE(begins_with(alone.logprobs, asked.logprobs));
  }

  const test::TinyModel& model_;
  std::mt19937_64 random_;
  const test::TemporaryFolder folder_;
  std::unique_ptr<Engine> engine_;
  std::list<Asked> asked_;
};

void run_scripts(const test::TinyModel& model) {
  const std::uint64_t first = number_from("LINNET_SEED", 1);
  for (std::uint64_t i = 0; i < number_from("LINNET_SCRIPTS", 2); ++i) {
    SCOPED_TRACE("LINNET_SEED=" + std::to_string(first + i));
    Script(model, first + i).run();
    if (testing::Test::HasFailure()) return;
  }
}

class RandomCompanyTest : public testing::TestWithParam<const char*> {};

TEST_P(RandomCompanyTest, ChangesNoBit) { run_scripts(test::TinyModel(GetParam())); }

INSTANTIATE_TEST_SUITE_P(Mixers, RandomCompanyTest, test::kMixerCases,
                         test::test_name<const char*>);

// Whose own layers guess.
class PredictedCompanyTest : public testing::TestWithParam<std::string> {};

TEST_P(PredictedCompanyTest, ChangesNoBit) {
  run_scripts(test::TinyModel(test::PredictionCase::read(GetParam()).model));
}

class ChainedPredictionsCompanyTest : public testing::TestWithParam<std::string> {};

TEST_P(ChainedPredictionsCompanyTest, ChangesNoBit) {
  run_scripts(test::TinyModel(test::PredictionCase::read_chained(GetParam()).model));
}

INSTANTIATE_TEST_SUITE_P(Cases, ChainedPredictionsCompanyTest,
                         testing::ValuesIn(test::PredictionCase::chained_names()),
                         test::test_name<std::string>);
INSTANTIATE_TEST_SUITE_P(Cases, PredictedCompanyTest,
                         testing::ValuesIn(test::PredictionCase::names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
