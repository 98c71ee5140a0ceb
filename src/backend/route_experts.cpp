#include "backend/route_experts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace linnet {
namespace {

std::vector<float> softmax(std::span<const float> logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  std::vector<float> result(logits.size());
  double sum = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    result[i] = static_cast<float>(std::exp(double{logits[i]} - largest));
    sum += result[i];
  }
  for (float& value : result) value = static_cast<float>(value / sum);
  return result;
}

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

std::vector<float> gate(std::span<const float> logits, GateFunction function) {
  if (function == GateFunction::kSoftmax) return softmax(logits);
  std::vector<float> result(logits.begin(), logits.end());
  if (function == GateFunction::kSigmoid) {
    for (float& x : result) x = static_cast<float>(1.0 / (1.0 + std::exp(-double{x})));
  }
  if (function == GateFunction::kSquareRootOfSoftplus) {
    for (float& x : result) x = static_cast<float>(std::sqrt(softplus(x)));
  }
  return result;
}

// The indices of the `count` largest scores, largest first, ties to the lower index.
std::vector<std::int32_t> top(std::span<const float> scores, int count) {
  std::vector<std::int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](auto a, auto b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  order.resize(count);
  return order;
}

// Leaves only the experts of the best groups; a group is as good as its two best experts together
// (https://arxiv.org/abs/2412.19437, section 2.1.2).
void mask_groups(std::vector<float>& scores, int groups, int used_groups) {
  const std::size_t size = scores.size() / groups;
  std::vector<float> group_scores;
  for (int g = 0; g < groups; ++g) {
    const std::span<const float> group(scores.data() + g * size, size);
    float score = 0.0f;
    for (const std::int32_t i : top(group, std::min<int>(2, size))) score += group[i];
    group_scores.push_back(score);
  }
  std::vector<bool> keep(groups, false);
  for (const std::int32_t g : top(group_scores, used_groups)) keep[g] = true;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!keep[i / size]) scores[i] = -std::numeric_limits<float>::infinity();
  }
}

std::vector<std::int32_t> choose(std::span<const float> probabilities, const RouteParams& params) {
  std::vector<float> scores(probabilities.begin(), probabilities.end());
  if (params.selection_bias) {
    for (std::size_t e = 0; e < scores.size(); ++e) scores[e] += params.selection_bias[e];
  }
  if (params.groups > 1 && params.used_groups < params.groups) {
    mask_groups(scores, params.groups, params.used_groups);
  }
  return top(scores, params.used);
}

}  // namespace

void route_row(const float* logits, int experts, const RouteParams& params, std::int32_t* ids,
               float* weights) {
  const std::vector<float> probabilities =
      gate({logits, static_cast<std::size_t>(experts)}, params.gate);
  const std::vector<std::int32_t> chosen = params.given
                                               ? std::vector<std::int32_t>(ids, ids + params.used)
                                               : choose(probabilities, params);
  std::vector<float> chosen_weights;
  chosen_weights.reserve(chosen.size());
  for (const std::int32_t e : chosen) chosen_weights.push_back(probabilities[e]);
  if (params.gate == GateFunction::kSoftmaxAfterTopK) chosen_weights = softmax(chosen_weights);

  float divisor = 1.0f;
  if (params.normalise) {
    const float sum = std::accumulate(chosen_weights.begin(), chosen_weights.end(), 0.0f);
    divisor = std::max(sum, 6.103515625e-5f);  // as llama.cpp: the smallest normal binary16
  }
  for (int i = 0; i < params.used; ++i) {
    ids[i] = chosen[i];
    weights[i] = chosen_weights[i] / divisor * params.scale;
  }
}

}  // namespace linnet
