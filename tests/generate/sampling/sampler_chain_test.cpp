// What each sampler leaves, against the distribution that its definition gives: the draws by a
// chi-square test, what must not be drawn exactly.

#include "generate/sampling/sampler_chain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "generate/sampling/chains.hpp"
#include "generate/sampling/distributions.hpp"
#include "generate/sampling/is_greedy.hpp"
#include "generate/sampling/logprobs.hpp"
#include "generate/sampling/random_seed.hpp"
#include "generate/sampling/softmax_sums.hpp"
#include "generate/sampling/uniform.hpp"

namespace linnet {
namespace {

using namespace test;
using testing::ElementsAre;

TEST(SamplerChain, GreedyTakesTheLowestIdOnTies) {
  SamplerChain chain(SamplingParams{});
  EXPECT_EQ(draw_once(chain, {1.0f, 3.0f, 3.0f, 2.0f}), 1);
  std::vector<float> many(1000, -7.0f);
  many[400] = many[900] = 1.0f;
  EXPECT_EQ(draw_once(chain, many), 400);
}

TEST(SamplerChain, TheOrderIsFixed) {
  EXPECT_THAT(
      sampler_names(),
      ElementsAre("grammar", "logit bias", "banned tokens", "thinking budget", "penalties", "DRY",
                  "top-n-sigma", "top-k", "typical", "top-p", "min-p", "XTC", "infill",
                  "temperature", "dynamic temperature", "adaptive-p", "mirostat 1", "mirostat 2"));
}

// What a chain draws from these logits, a letter a token, where it may think so many tokens between
// ( and the mark ]), and where <c begins a call.
std::string thought(std::int64_t budget, const std::vector<std::string>& likeliest,
                    bool starts_inside, const std::vector<std::int32_t>& banned = {}) {
  const std::vector<std::string> pieces = {"a", "(", "]", ")", "])", "<", "c", " "};
  SamplingParams params;
  params.banned_tokens = banned;
  params.thinking = ThinkingBudget{.tokens = budget,
                                   .begin = "(",
                                   .end = "])",
                                   .end_tokens = {2, 3},
                                   .calls = {"<c"},
                                   .starts_inside = starts_inside,
                                   .bytes_of = [&](std::int32_t token) { return pieces[token]; }};
  SamplerChain chain(params);
  std::string text;
  for (const std::string& piece : likeliest) {
    std::vector<float> logits(pieces.size(), 0.0f);
    logits[std::ranges::find(pieces, piece) - pieces.begin()] = 1.0f;
    const auto needs = chain.needs({{}, 0});
    EXPECT_TRUE(needs.depends_on_text);
    const auto token = draw_once(chain, logits);
    if (!token) return text + "!";
    text += pieces[*token];
  }
  return text;
}

TEST(SamplerChain, ThinkingEndsWhereItsBudgetDoes) {
  EXPECT_EQ(thought(2, {"a", "a", "a", "a", "a"}, /*starts_inside=*/true), "aa])a");
  EXPECT_EQ(thought(0, {"a", "a", "a"}, true), "])a");
  EXPECT_EQ(thought(2, {"a", "a", "a", "a", "a", "a"}, false), "aaaaaa") << "it does not think";
  EXPECT_EQ(thought(1, {"a", "(", "a", "a", "a", "a"}, false), "a(a])a");
  // It ends by itself, in whatever tokens.
  EXPECT_EQ(thought(3, {"a", "])", "a", "a", "a"}, true), "a])aaa");
  EXPECT_EQ(thought(3, {"]", ")", "a", "a", "a"}, true), "])aaa");
  // Half of the mark stands there already.
  EXPECT_EQ(thought(2, {"a", "]", "a", "a", "a"}, true), "a])aa");
  EXPECT_EQ(thought(3, {"a", "]", "a", "a", "a", "a"}, true), "a]a])a");
  EXPECT_EQ(thought(1, {"a", "(", "a", "a", "a", "(", "a", "a", "a"}, false), "a(a])(a])")
      << "each time anew";
  // What may not be drawn is not forced.
  EXPECT_EQ(thought(1, {"a", "a", "a"}, true, /*banned=*/{2}), "aaa");
}

// A call may begin in the thinking, which has no end then.
TEST(SamplerChain, ThinkingThatEndsWithACallHasNoBudget) {
  EXPECT_EQ(thought(3, {"<", "c", "a", "a", "a"}, /*starts_inside=*/true), "<caaa");
  EXPECT_EQ(thought(2, {"a", "<", "c", "a", "a"}, true), "a<caa") << "it begins before, ends after";
  EXPECT_EQ(thought(2, {"a", "<", " ", "c", "a", "a"}, true), "a< caa");
  EXPECT_EQ(thought(2, {"a", "<", "a", "a", "a", "a"}, true), "a<a])a") << "it was none";
  EXPECT_EQ(thought(1, {"<", "c", "(", "a", "a", "a"}, true), "<c(a])") << "it may think again";
  const std::vector<std::string> endless(36, "<");
  EXPECT_EQ(thought(1, endless, true), std::string(33, '<') + "])<");
}

TEST(SamplerChain, TheSameSeedAndCounterGiveTheSameNumber) {
  EXPECT_EQ(uniform(1, 2), uniform(1, 2));
  EXPECT_NE(uniform(1, 2), uniform(1, 3));
  EXPECT_NE(uniform(1, 2), uniform(2, 2));
  // Fixed for good: a text must come out the same on every machine and in every version.
  EXPECT_DOUBLE_EQ(uniform(0, 0), 0.65244848637403219);
}

TEST(SamplerChain, TheSameSeedGivesTheSameDraws) {
  const auto draws = [](std::uint64_t seed) {
    SamplingParams params = at_temperature(1.0f);
    params.seed = seed;
    params.top_p = 0.9f;
    SamplerChain chain(params);
    std::vector<std::int32_t> tokens;
    for (int i = 0; i < 50; ++i) tokens.push_back(*draw_once(chain, test_logits(), {}, i));
    return tokens;
  };
  EXPECT_EQ(draws(3), draws(3));
  EXPECT_NE(draws(3), draws(4));
}

TEST(SamplerChain, Temperature) {
  const auto logits = test_logits();
  expect_distribution(at_temperature(0.7f), logits, softmax(logits, 0.7));
  expect_distribution(at_temperature(1.5f), logits, softmax(logits, 1.5));
}

TEST(SamplerChain, DynamicTemperatureFollowsTheEntropy) {
  const auto logits = test_logits();
  SamplingParams params = at_temperature(1.0f);
  params.dynamic_range = 0.5f;
  params.dynamic_exponent = 2.0f;
  double entropy = 0.0;
  for (const double p : softmax(logits)) entropy -= p * std::log(p);
  const double part = std::pow(entropy / std::log(static_cast<double>(logits.size())), 2.0);
  expect_distribution(params, logits, softmax(logits, 0.5 + part));
}

// As in llama.cpp: from 0 up to the range. Mirostat has no dynamic temperature there.
TEST(SamplerChain, DynamicTemperatureGoesUpFromZero) {
  const auto logits = test_logits();
  SamplingParams params = at_temperature(0.0f);
  params.dynamic_range = 2.0f;
  double entropy = 0.0;
  for (const double p : softmax(logits)) entropy -= p * std::log(p);
  const double part = entropy / std::log(static_cast<double>(logits.size()));
  expect_distribution(params, logits, softmax(logits, 2.0 * part));
  EXPECT_FALSE(is_greedy(params));
  params.mirostat = 2;
  EXPECT_TRUE(is_greedy(params));
}

TEST(SamplerChain, TopK) {
  const auto logits = test_logits();
  const auto order = ranked(softmax(logits));
  SamplingParams params = at_temperature(0.8f);
  params.top_k = 4;
  expect_distribution(params, logits, filtered(logits, {order.begin(), order.begin() + 4}, 0.8));
}

TEST(SamplerChain, TopKTakesTheLowerIdOnTies) {
  SamplingParams params = at_temperature(1.0f);
  params.top_k = 2;
  std::vector<double> expected(64, 0.0);
  expected[5] = expected[9] = 0.5;
  std::vector<float> logits(64, 0.0f);
  logits[5] = logits[9] = logits[40] = 1.0f;
  expect_distribution(params, logits, expected);
}

TEST(SamplerChain, TopP) {
  const auto logits = test_logits();
  const auto probabilities = softmax(logits);
  std::set<int> kept;
  double sum = 0.0;
  for (const int id : ranked(probabilities)) {
    if (sum >= 0.8) break;
    kept.insert(id);
    sum += probabilities[id];
  }
  ASSERT_GT(kept.size(), 2u);
  ASSERT_LT(kept.size(), logits.size());
  SamplingParams params = at_temperature(1.2f);
  params.top_p = 0.8f;
  expect_distribution(params, logits, filtered(logits, kept, 1.2));
}

TEST(SamplerChain, TopPOfNothingKeepsTheLikeliest) {
  const auto logits = test_logits();
  SamplingParams params = at_temperature(1.0f);
  params.top_p = 0.0f;
  expect_distribution(params, logits, filtered(logits, {ranked(softmax(logits))[0]}));
}

TEST(SamplerChain, MinP) {
  const auto logits = test_logits();
  const auto probabilities = softmax(logits);
  const double best = *std::max_element(probabilities.begin(), probabilities.end());
  std::set<int> kept;
  for (int id = 0; id < 12; ++id) {
    if (probabilities[id] >= 0.1 * best) kept.insert(id);
  }
  ASSERT_GT(kept.size(), 1u);
  ASSERT_LT(kept.size(), logits.size());
  SamplingParams params = at_temperature(1.0f);
  params.min_p = 0.1f;
  expect_distribution(params, logits, filtered(logits, kept));
}

TEST(SamplerChain, Typical) {
  const auto logits = test_logits();
  const auto probabilities = softmax(logits);
  double entropy = 0.0;
  for (const double p : probabilities) entropy -= p * std::log(p);
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto distance = [&](int id) { return std::abs(-std::log(probabilities[id]) - entropy); };
  std::sort(order.begin(), order.end(), [&](int a, int b) { return distance(a) < distance(b); });
  std::set<int> kept;
  double sum = 0.0;
  for (const int id : order) {
    if (sum >= 0.5) break;
    kept.insert(id);
    sum += probabilities[id];
  }
  SamplingParams params = at_temperature(1.0f);
  params.typical_p = 0.5f;
  expect_distribution(params, logits, filtered(logits, kept));
}

TEST(SamplerChain, TopNSigma) {
  const auto logits = test_logits();
  double mean = 0.0, squares = 0.0;
  for (const float logit : logits) mean += logit / logits.size();
  for (const float logit : logits) squares += (logit - mean) * (logit - mean) / logits.size();
  const double limit = *std::max_element(logits.begin(), logits.end()) - 0.7 * std::sqrt(squares);
  std::set<int> kept;
  for (int id = 0; id < 12; ++id) {
    if (logits[id] >= limit) kept.insert(id);
  }
  ASSERT_GT(kept.size(), 1u);
  SamplingParams params = at_temperature(2.0f);
  params.top_n_sigma = 0.7f;
  expect_distribution(params, logits, filtered(logits, kept, 2.0));
}

TEST(SamplerChain, XtcRemovesAllButTheLeastOfTheTopChoices) {
  const auto logits = test_logits();
  const auto probabilities = softmax(logits);
  std::set<int> kept, above;
  int least = -1;
  for (const int id : ranked(probabilities)) {
    kept.insert(id);
    if (probabilities[id] >= 0.1) above.insert(id), least = id;
  }
  ASSERT_GT(above.size(), 1u);
  for (const int id : above) {
    if (id != least) kept.erase(id);
  }
  SamplingParams params = at_temperature(1.0f);
  params.xtc_threshold = 0.1f;
  params.xtc_probability = 1.0f;
  const auto always = filtered(logits, kept);
  expect_distribution(params, logits, always);
  params.xtc_probability = 0.3f;
  std::vector<double> mixed;
  for (int id = 0; id < 12; ++id) mixed.push_back(0.3 * always[id] + 0.7 * probabilities[id]);
  expect_distribution(params, logits, mixed);
}

TEST(SamplerChain, PenaltiesLookBackOverTheWindow) {
  auto logits = test_logits();
  logits[2] = -1.0f;
  SamplingParams params = at_temperature(1.0f);
  params.penalty_window = 4;
  params.repeat_penalty = 1.5f;
  params.frequency_penalty = 0.25f;
  params.presence_penalty = 0.5f;
  auto penalised = logits;
  penalised[2] = penalised[2] * 1.5f - 2 * 0.25f - 0.5f;
  penalised[3] = penalised[3] / 1.5f - 0.25f - 0.5f;
  penalised[7] = penalised[7] / 1.5f - 0.25f - 0.5f;
  expect_distribution(params, logits, softmax(penalised), {5, 5, 5, 2, 3, 2, 7});
}

TEST(SamplerChain, PenaltiesForgetWhatLeavesTheWindow) {
  SamplingParams params;
  params.penalty_window = 2;
  params.presence_penalty = 100.0f;
  SamplerChain chain(params);
  std::vector<std::int32_t> tokens = {0};
  for (int i = 0; i < 7; ++i) tokens.push_back(*draw_once(chain, {3.0f, 2.0f, 1.0f}, tokens, i));
  EXPECT_THAT(tokens, ElementsAre(0, 1, 2, 0, 1, 2, 0, 1));
}

TEST(SamplerChain, BiasAndBannedTokens) {
  const auto logits = test_logits();
  SamplingParams params = at_temperature(1.0f);
  params.logit_bias = {{3, 1.5f}, {4, kBanned}, {4000, 1.0f}, {-1, 1.0f}};
  params.banned_tokens = {0, 99999, -5};
  auto changed = logits;
  changed[3] += 1.5f;
  changed[4] = changed[0] = kBanned;
  expect_distribution(params, logits, softmax(changed));
}

TEST(SamplerChain, EndTokensWaitForTheMinimum) {
  SamplingParams params;
  params.min_tokens = 2;
  params.end_tokens = {1};
  SamplerChain chain(params);
  EXPECT_EQ(draw_once(chain, {0.0f, 5.0f}, {}, 0), 0);
  EXPECT_EQ(draw_once(chain, {0.0f, 5.0f}, {}, 1), 0);
  EXPECT_EQ(draw_once(chain, {0.0f, 5.0f}, {}, 2), 1);
}

TEST(SamplerChain, NothingIsDrawnWhereAllIsBanned) {
  for (const float temperature : {0.0f, 1.0f}) {
    SamplingParams params = at_temperature(temperature);
    params.banned_tokens = {0, 1};
    SamplerChain chain(params);
    EXPECT_FALSE(draw_once(chain, {1.0f, 2.0f}));
    EXPECT_FALSE(chain.is_complete());
  }
}

// The mean surprise of many draws, in bits, where the distribution allows tau.
double mean_surprise(int algorithm, float tau) {
  SamplingParams params = at_temperature(1.0f);
  params.mirostat = algorithm;
  params.mirostat_tau = tau;
  SamplerChain chain(params);
  std::vector<float> logits;
  for (int i = 0; i < 5000; ++i) logits.push_back(-1.1f * std::log(static_cast<float>(i + 1)));
  const auto probabilities = softmax(logits);
  double sum = 0.0;
  constexpr int kTokens = 2000;
  for (int i = 0; i < kTokens; ++i) {
    sum -= std::log2(probabilities[*draw_once(chain, logits, {}, i)]);
  }
  return sum / kTokens;
}

TEST(SamplerChain, MirostatHoldsTheSurprise) {
  // The observed surprise is that within the cut distribution, which is below the model's.
  for (const int algorithm : {1, 2}) {
    const double low = mean_surprise(algorithm, 2.0f);
    const double high = mean_surprise(algorithm, 5.0f);
    EXPECT_LT(low, high - 1.0) << algorithm;
  }
}

TEST(SamplerChain, Mirostat2CutsAtTwiceTau) {
  const auto logits = test_logits();
  const auto probabilities = softmax(logits);
  SamplingParams params = at_temperature(1.0f);
  params.mirostat = 2;
  params.mirostat_tau = 1.5f;
  params.mirostat_eta = 0.0f;  // the limit stays
  std::set<int> kept;
  for (int id = 0; id < 12; ++id) {
    if (-std::log2(probabilities[id]) <= 3.0) kept.insert(id);
  }
  ASSERT_LT(kept.size(), logits.size());
  expect_distribution(params, logits, filtered(logits, kept));
}

TEST(SamplerChain, AChainOfSeveral) {
  const auto logits = test_logits(400);
  const auto order = ranked(softmax(logits));
  std::set<int> kept(order.begin(), order.begin() + 20);
  const auto top = filtered(logits, kept);
  kept.clear();
  double sum = 0.0;
  for (const int id : order) {
    if (sum >= 0.9) break;
    kept.insert(id);
    sum += top[id];
  }
  SamplingParams params = at_temperature(0.8f);
  params.top_k = 20;
  params.top_p = 0.9f;
  params.min_p = 0.05f;
  const auto expected = filtered(logits, kept, 0.8);
  expect_distribution(params, logits, expected);
}

TEST(SamplerChain, HostileLogitsDoNoHarm) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const auto& logits : {std::vector<float>{kNan, kNan}, std::vector<float>{kNan, 1.0f, kNan},
                             std::vector<float>{kInfinity, 1.0f, kInfinity},
                             std::vector<float>{kBanned, kBanned}, std::vector<float>{0.0f}}) {
    SamplingParams params = at_temperature(1.0f);
    params.top_n_sigma = 1.0f;
    params.top_k = 2;
    params.typical_p = params.top_p = 0.5f;
    params.min_p = 0.1f;
    params.xtc_probability = 1.0f;
    params.dynamic_range = 0.5f;
    for (params.mirostat = 0; params.mirostat <= 2; ++params.mirostat) {
      SamplerChain chain(params);
      const auto token = draw_once(chain, logits);
      EXPECT_LT(static_cast<std::size_t>(token.value_or(0)), logits.size());
    }
  }
}

TEST(SamplerChain, LogprobsAreTheModels) {
  const auto logits = test_logits();
  const auto probabilities = softmax(logits);
  const auto order = ranked(probabilities);
  const TokenLogprobs result = top_logprobs(logits, 3);
  ASSERT_EQ(result.top.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(result.top[i].token, order[i]);
    EXPECT_NEAR(result.top[i].logprob, std::log(probabilities[order[i]]), 1e-6);
  }
}

// bench/sampling_bench.cpp measures what it costs; here only that the vocabulary is never a list.
TEST(SamplerChain, ALargeVocabularyIsCutInPlace) {
  auto logits = test_logits(256 * 1024);
  Candidates candidates(logits);
  candidates.keep_top(40);
  const auto kept = candidates.between(-100.0f, 100.0f);
  EXPECT_EQ(kept.size(), 40u);
  EXPECT_LT(kept.capacity(), 100u);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end(), likelier));
}

TEST(SoftmaxSums, AgreeWithDoublePrecision) {
  for (const std::size_t count : {1u, 5u, 255u, 256u, 1000u}) {
    auto logits = test_logits(static_cast<int>(count));
    logits[0] = kBanned;
    if (count > 3) logits[2] = std::numeric_limits<float>::quiet_NaN(), logits[3] = -200.0f;
    double sum = 0.0, exponents = 0.0;
    std::int64_t candidates = 0;
    for (const float logit : logits) {
      if (!(logit > kBanned)) continue;
      const double z = (logit - 6.0) / 0.7;
      sum += std::exp(z), exponents += std::exp(z) * z, ++candidates;
    }
    const SoftmaxSums sums = softmax_sums(logits, 6.0f, 1.0f / 0.7f);
    EXPECT_EQ(sums.count, candidates);
    EXPECT_NEAR(sums.weights, sum, 3e-6 * sum);
    EXPECT_NEAR(sums.weighted_exponents, exponents, -3e-6 * exponents);
  }
}

TEST(SoftmaxSums, TheExponentialIsExactToSevenDigits) {
  EXPECT_EQ(exp_of_negative(0.0f), 1.0f);
  EXPECT_EQ(exp_of_negative(-1000.0f), 0.0f);
  EXPECT_EQ(exp_of_negative(kBanned), 0.0f);
  EXPECT_EQ(exp_of_negative(std::numeric_limits<float>::quiet_NaN()), 0.0f);
  for (float x = 0.0f; x > -87.0f; x -= 0.01f) {
    EXPECT_NEAR(exp_of_negative(x) / std::exp(double{x}), 1.0, 3e-7) << x;
  }
}

}  // namespace
}  // namespace linnet
