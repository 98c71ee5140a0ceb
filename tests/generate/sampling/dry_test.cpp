// DRY, against its definition: see sampler_chain_test.cpp for the other samplers.

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "generate/sampling/chains.hpp"

namespace linnet {
namespace {

using namespace test;

TEST(SamplerChain, DryPenalisesWhatWouldProlongARepetition) {
  const auto logits = test_logits();
  SamplingParams params = at_temperature(1.0f);
  params.dry_multiplier = 0.8f;
  params.dry_base = 1.75f;
  params.dry_allowed_length = 2;
  auto penalised = logits;
  // The end 1 2 3 stood before 4, and 2 3 before 6 too.
  penalised[4] -= 0.8f * 1.75f;
  penalised[6] -= 0.8f;
  const std::vector<std::int32_t> tokens = {1, 2, 3, 4, 9, 2, 3, 6, 1, 2, 3};
  expect_distribution(params, logits, softmax(penalised), tokens);
  params.dry_breakers.tokens = {2};  // only 3 counts then, which is too short
  expect_distribution(params, logits, softmax(logits), tokens);
}

TEST(SamplerChain, DryStopsAtARunOfTokensThatIsABreaker) {
  const auto logits = test_logits();
  SamplingParams params = at_temperature(1.0f);
  params.dry_multiplier = 0.8f;
  params.dry_allowed_length = 2;
  const std::vector<std::int32_t> tokens = {1, 2, 3, 4, 9, 1, 2, 3};
  auto penalised = logits;
  penalised[4] -= 0.8f * 1.75f;
  params.dry_breakers.runs = {{2, {7}}, {3, {7}}};  // none of which is there
  expect_distribution(params, logits, softmax(penalised), tokens);
  params.dry_breakers.runs = {{1, {9}}, {1, {2}}};  // only 3 counts then
  expect_distribution(params, logits, softmax(logits), tokens);
}

TEST(SamplerChain, DryOfAllowedLengthZeroPenalisesAllThatWasThere) {
  const auto logits = test_logits();
  SamplingParams params = at_temperature(1.0f);
  params.dry_multiplier = 0.8f;
  params.dry_allowed_length = 0;
  auto penalised = logits;
  penalised[3] -= 0.8f;
  penalised[4] -= 0.8f * 1.75f;  // follows 3 again
  expect_distribution(params, logits, softmax(penalised), {1, 3, 4, 3});
}

// What DRY takes from each token's logit, by its definition.
std::vector<float> dry_penalties(const SamplingParams& params, const std::vector<std::int32_t>& all,
                                 std::size_t vocabulary) {
  const std::size_t window = static_cast<std::size_t>(params.dry_window);
  const std::size_t first = params.dry_window < 0 || window > all.size() ? 0 : all.size() - window;
  const std::vector<std::int32_t> tokens(all.begin() + static_cast<std::ptrdiff_t>(first),
                                         all.end());
  const auto& alone = params.dry_breakers.tokens;
  const std::set<std::int32_t> breakers(alone.begin(), alone.end());
  std::vector<float> penalties(vocabulary);
  for (std::size_t end = 1; end < tokens.size(); ++end) {  // what stood before tokens[end]
    std::size_t length = 0;
    while (length < end && tokens[end - 1 - length] == tokens[tokens.size() - 1 - length] &&
           !breakers.contains(tokens[end - 1 - length])) {
      ++length;
    }
    const auto more = static_cast<std::int64_t>(length) - params.dry_allowed_length;
    if (more < 0 || breakers.contains(tokens[end])) continue;
    float& penalty = penalties[tokens[end]];
    penalty = std::max(penalty,
                       params.dry_multiplier * std::pow(params.dry_base, static_cast<float>(more)));
  }
  return penalties;
}

TEST(SamplerChain, DryFollowsATextThatGrows) {
  for (const std::int64_t window : {-1, 1, 7, 40}) {
    for (const std::vector<std::int32_t>& breakers : {std::vector<std::int32_t>{}, {2}}) {
      SamplingParams params;
      params.dry_multiplier = 0.25f;
      params.dry_base = 1.1f;
      params.dry_window = window;
      params.dry_breakers.tokens = breakers;
      SamplerChain chain(params);
      std::vector<std::int32_t> tokens;
      for (std::uint64_t i = 0; i < 150; ++i) {
        tokens.push_back(static_cast<std::int32_t>(3.0 * uniform(7, i)));
        if (i < 30) continue;  // the prompt
        std::vector<float> logits(4);
        ASSERT_TRUE(chain.draw(logits, {tokens, static_cast<std::int64_t>(i)}));
        const auto penalties = dry_penalties(params, tokens, logits.size());
        for (std::size_t token = 0; token < logits.size(); ++token) {
          ASSERT_NEAR(logits[token], -penalties[token], 1e-4) << i << ", window " << window;
        }
      }
    }
  }
}

}  // namespace
}  // namespace linnet
