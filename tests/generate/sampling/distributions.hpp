#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

namespace linnet::test {

inline constexpr float kBanned = -std::numeric_limits<float>::infinity();

inline std::vector<double> softmax(const std::vector<float>& logits, double temperature = 1.0) {
  const double best = *std::max_element(logits.begin(), logits.end());
  std::vector<double> probabilities;
  for (const float logit : logits) probabilities.push_back(std::exp((logit - best) / temperature));
  const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

// The ids, the likeliest first.
inline std::vector<int> ranked(const std::vector<double>& probabilities) {
  std::vector<int> ids(probabilities.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(),
                   [&](int a, int b) { return probabilities[a] > probabilities[b]; });
  return ids;
}

// softmax(logits / temperature) of `kept` alone.
inline std::vector<double> filtered(const std::vector<float>& logits, const std::set<int>& kept,
                                    double temperature = 1.0) {
  std::vector<float> rest = logits;
  for (int id = 0; id < static_cast<int>(rest.size()); ++id) {
    if (!kept.contains(id)) rest[id] = kBanned;
  }
  return softmax(rest, temperature);
}

// Holds the counts of independent draws against their distribution: nothing of probability 0, and a
// chi-square below the value that chance exceeds in one of 10,000 cases (Wilson and Hilferty).
// What is expected less than five times counts together.
inline void expect_counts(const std::vector<int>& counts, const std::vector<double>& expected) {
  const double draws = std::accumulate(counts.begin(), counts.end(), 0);
  double chi_square = 0.0, rare_wanted = 0.0, rare_count = 0.0;
  int freedom = -1;
  const auto add = [&](double count, double wanted) {
    chi_square += (count - wanted) * (count - wanted) / wanted;
    ++freedom;
  };
  for (std::size_t id = 0; id < counts.size(); ++id) {
    const double wanted = draws * expected[id];
    if (wanted == 0.0) {
      EXPECT_EQ(counts[id], 0) << "token " << id;
    }
    if (wanted >= 5.0) {
      add(counts[id], wanted);
    } else {
      rare_wanted += wanted;
      rare_count += counts[id];
    }
  }
  if (rare_wanted > 1.0) add(rare_count, rare_wanted);
  if (freedom < 1) return;
  const double k = 2.0 / (9.0 * freedom);
  EXPECT_LT(chi_square, freedom * std::pow(1.0 - k + 3.719 * std::sqrt(k), 3));
}

}  // namespace linnet::test
