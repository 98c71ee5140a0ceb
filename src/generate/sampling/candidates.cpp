#include "generate/sampling/candidates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "generate/sampling/softmax_sums.hpp"

namespace linnet {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr std::size_t kBlock = 64;     // logits that are compared at once
constexpr std::size_t kStride = 4096;  // logits that a draw passes at once

// Calls visit(id) for the logits above `limit`, which visit may raise. A block without any costs a
// few vector instructions.
template <class Visit>
void for_each_above(std::span<const float> logits, const float& limit, const Visit& visit) {
  std::size_t begin = 0;
  for (; begin + kBlock <= logits.size(); begin += kBlock) {
    const float* const block = logits.data() + begin;
    const float bound = limit;
    int above = 0;
    for (std::size_t i = 0; i < kBlock; ++i) above |= block[i] > bound;
    if (above == 0) continue;
    for (std::size_t i = 0; i < kBlock; ++i) {
      if (block[i] > limit) visit(static_cast<std::int32_t>(begin + i));
    }
  }
  for (; begin < logits.size(); ++begin) {
    if (logits[begin] > limit) visit(static_cast<std::int32_t>(begin));
  }
}

// The `count` likeliest of what for_each_above(limit, visit) visits, as above.
template <class ForEachAbove>
std::vector<Candidate> top_of(std::span<const float> logits, std::size_t count,
                              const ForEachAbove& for_each_above) {
  std::vector<Candidate> heap;  // the least likely one in front
  heap.reserve(count);
  float limit = kNever;
  for_each_above(limit, [&](TokenId id) {
    if (heap.size() == count) {
      std::pop_heap(heap.begin(), heap.end(), likelier);
      heap.pop_back();
    }
    heap.push_back({id, logits[id]});
    std::push_heap(heap.begin(), heap.end(), likelier);
    // Ids ascend, so that an equal logit that comes later is less likely.
    if (heap.size() == count) limit = heap.front().logit;
  });
  std::sort(heap.begin(), heap.end(), likelier);
  return heap;
}

}  // namespace

Candidate highest(std::span<const float> logits) {
  Candidate best{0, kNever};
  for_each_above(logits, best.logit, [&](TokenId id) { best = {id, logits[id]}; });
  return best;
}

double log_sum_exp(std::span<const float> logits) {
  const float best = highest(logits).logit;
  return best + std::log(softmax_sums(logits, best, 1.0f).weights);
}

double Candidates::Softmax::weight(float logit) const {
  return exp_of_negative((logit - highest) * static_cast<float>(scale));
}

double Candidates::Softmax::weight(std::span<const Candidate> candidates) const {
  double total = 0.0;
  for (const Candidate& candidate : candidates) total += weight(candidate.logit);
  return total;
}

double Candidates::Softmax::logit_of(double probability) const {
  return highest + std::log(probability * sum) / scale;
}

// for_each_above() of all logits that are known.
template <class Visit>
void Candidates::for_each_above(const float& limit, const Visit& visit) const {
  if (!known_) return linnet::for_each_above(logits_, limit, visit);
  for (const TokenId id : *known_) {
    if (logits_[static_cast<std::size_t>(id)] > limit) visit(id);
  }
}

Candidate Candidates::highest_logit() const {
  Candidate best{0, kNever};
  for_each_above(best.logit, [&](TokenId id) { best = {id, logits_[id]}; });
  return best;
}

// Calls visit(candidate) for each, in the order in which they are drawn.
template <class Visit>
void Candidates::for_each(const Visit& visit) const {
  if (is_list_) {
    for (const Candidate& candidate : list_) visit(candidate);
    return;
  }
  const float limit = kNever;
  for_each_above(limit, [&](TokenId id) { visit(Candidate{id, logits_[id]}); });
}

Candidate Candidates::best() const {
  if (!is_list_) return highest_logit();
  if (list_.empty()) return {0, kNever};
  if (is_sorted_) return list_.front();
  return *std::min_element(list_.begin(), list_.end(), likelier);
}

bool Candidates::empty() const {
  return is_list_ ? list_.empty() : !(highest_logit().logit > kNever);
}

std::vector<Candidate> Candidates::top(std::int64_t count) const {
  const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(count, 1));
  // A heap pays for few of many.
  if (!is_list_ && wanted <= logits_.size() / 16) {
    return top_of(logits_, wanted,
                  [&](const float& limit, const auto& visit) { for_each_above(limit, visit); });
  }
  std::vector<Candidate> all;
  for_each([&](const Candidate& candidate) { all.push_back(candidate); });
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(std::min(wanted, all.size()));
  if (!is_sorted_) {
    if (middle != all.end()) std::nth_element(all.begin(), middle, all.end(), likelier);
    std::sort(all.begin(), middle, likelier);
  }
  all.erase(middle, all.end());
  return all;
}

std::vector<Candidate> Candidates::between(float low, float high) const {
  std::vector<Candidate> found;
  const auto add = [&](const Candidate& candidate) {
    if (candidate.logit >= low && candidate.logit <= high) found.push_back(candidate);
  };
  if (is_list_) {
    for_each(add);
  } else {
    const float below = std::nextafter(low, kNever);
    for_each_above(below, [&](TokenId id) { add({id, logits_[id]}); });
  }
  return found;
}

void Candidates::keep(std::vector<Candidate> candidates) {
  list_ = std::move(candidates);
  is_list_ = true;
  is_sorted_ = false;
}

void Candidates::keep_until(std::vector<Candidate> candidates, const Softmax& distribution,
                            double wanted) {
  double sum = 0.0;
  std::size_t kept = 0;
  while (kept < candidates.size() && (kept == 0 || sum < wanted)) {
    sum += distribution.weight(candidates[kept++].logit);
  }
  candidates.resize(kept);
  keep(std::move(candidates));
}

void Candidates::keep_top(std::int64_t count) {
  keep(top(count));
  is_sorted_ = true;
}

void Candidates::keep_at_least(float limit) {
  if (std::isnan(limit)) return;  // of logits without sense
  const bool was_sorted = is_sorted_;
  keep(between(limit, std::numeric_limits<float>::infinity()));
  is_sorted_ = was_sorted;
}

void Candidates::remove_top(std::int64_t count) {
  const std::vector<Candidate> removed = top(count);
  if (removed.empty()) return;
  if (is_list_) {
    std::erase_if(list_, [&](const Candidate& c) { return !likelier(removed.back(), c); });
  } else {
    for (const Candidate& candidate : removed) logits_[candidate.id] = kNever;
  }
}

Candidates::Spread Candidates::spread() const {
  double sum = 0.0, count = 0.0;
  for_each([&](const Candidate& candidate) { sum += candidate.logit, count += 1.0; });
  const double mean = count > 0.0 ? sum / count : 0.0;
  double squares = 0.0;
  for_each([&](const Candidate& candidate) {
    squares += (candidate.logit - mean) * (candidate.logit - mean);
  });
  return {mean, count > 0.0 ? std::sqrt(squares / count) : 0.0};
}

Candidates::Softmax Candidates::softmax() const {
  Softmax result{.highest = best().logit, .scale = 1.0 / temperature};
  std::vector<float> listed;
  for (const Candidate& candidate : list_) listed.push_back(candidate.logit);
  const SoftmaxSums sums =
      softmax_sums(is_list_ ? std::span<const float>(listed) : std::span<const float>(logits_),
                   result.highest, static_cast<float>(result.scale));
  result.sum = sums.weights;
  result.count = sums.count;
  result.entropy = std::log(sums.weights) - sums.weighted_exponents / sums.weights;
  return result;
}

std::optional<Candidates::Drawn> Candidates::draw(double u) const {
  if (empty()) return std::nullopt;
  // One candidate stays whatever rounding makes of the sums, and infinite logits of the weights.
  const Softmax distribution = softmax();
  Drawn drawn{best().id, 1.0};
  if (!(distribution.sum > 0.0)) return drawn;
  double left = u * distribution.sum;
  const auto passes = [&](const Candidate& candidate) {
    const double weight = distribution.weight(candidate.logit);
    // Rounding may leave a rest after the last one that has a weight.
    if (weight > 0.0) drawn = {candidate.id, weight / distribution.sum};
    return (left -= weight) < 0.0;
  };
  if (is_list_) {
    [[maybe_unused]] const auto found = std::ranges::find_if(list_, passes);
    return drawn;
  }
  for (std::size_t begin = 0; begin < logits_.size(); begin += kStride) {
    const auto stride = logits_.subspan(begin, std::min(kStride, logits_.size() - begin));
    const double weights =
        softmax_sums(stride, distribution.highest, static_cast<float>(distribution.scale)).weights;
    const bool is_last = begin + kStride >= logits_.size();
    if (left >= weights && !is_last) {
      left -= weights;
      continue;
    }
    for (std::size_t i = 0; i < stride.size(); ++i) {
      if (passes({static_cast<TokenId>(begin + i), stride[i]})) return drawn;
    }
  }
  return drawn;
}

}  // namespace linnet
