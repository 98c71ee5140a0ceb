#include "generate/sampling/candidates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace linnet {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr std::size_t kBlock = 64;  // logits that are compared at once

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

std::vector<Candidate> top_of(std::span<const float> logits, std::size_t count) {
  std::vector<Candidate> heap;  // the least likely one in front
  heap.reserve(count);
  float limit = kNever;
  for_each_above(logits, limit, [&](std::int32_t id) {
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
  for_each_above(logits, best.logit, [&](std::int32_t id) { best = {id, logits[id]}; });
  return best;
}

double log_sum_exp(std::span<const float> logits) {
  const double best = highest(logits).logit;
  double sum = 0.0;
  for (const float logit : logits) {
    if (logit > kNever) sum += std::exp(logit - best);
  }
  return best + std::log(sum);
}

Candidate Candidates::best() const {
  if (!is_list_) return highest(logits_);
  if (list_.empty()) return {0, kNever};
  if (sorted_ > 0) return list_.front();
  return *std::min_element(list_.begin(), list_.end(), likelier);
}

void Candidates::keep_top(std::int64_t count) {
  const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(count, 1));
  // A heap pays for few of many.
  if (!is_list_ && wanted <= logits_.size() / 16) {
    list_ = top_of(logits_, wanted);
    is_list_ = true;
    sorted_ = list_.size();
    return;
  }
  sort_front(wanted);
  if (list_.size() > wanted) list_.resize(wanted);
}

void Candidates::keep_at_least(float limit) {
  if (is_list_) {
    std::erase_if(list_, [&](const Candidate& candidate) { return candidate.logit < limit; });
    sorted_ = std::min(sorted_, list_.size());
    return;
  }
  is_list_ = true;
  const float below = std::nextafter(limit, kNever);
  for_each_above(logits_, below, [&](std::int32_t id) { list_.push_back({id, logits_[id]}); });
}

Candidates::Spread Candidates::spread() const {
  double sum = 0.0, count = 0.0;
  const auto for_each = [&](const auto& add) {
    if (is_list_) {
      for (const Candidate& candidate : list_) add(candidate.logit);
    } else {
      for (const float logit : logits_) {
        if (logit > kNever) add(logit);
      }
    }
  };
  for_each([&](float logit) { sum += logit, count += 1.0; });
  const double mean = count > 0.0 ? sum / count : 0.0;
  double squares = 0.0;
  for_each([&](float logit) { squares += (logit - mean) * (logit - mean); });
  return {mean, count > 0.0 ? std::sqrt(squares / count) : 0.0};
}

std::vector<Candidate>& Candidates::list() {
  if (is_list_) return list_;
  is_list_ = true;
  list_.reserve(logits_.size());
  for (std::size_t id = 0; id < logits_.size(); ++id) {
    if (logits_[id] > kNever) list_.push_back({static_cast<std::int32_t>(id), logits_[id]});
  }
  return list_;
}

void Candidates::replace(std::vector<Candidate> candidates) {
  list_ = std::move(candidates);
  is_list_ = true;
  sorted_ = 0;
}

void Candidates::sort_front(std::size_t count) {
  auto& all = list();
  count = std::min(count, all.size());
  if (count <= sorted_) return;
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(count);
  if (count < all.size()) std::nth_element(all.begin(), middle, all.end(), likelier);
  std::sort(all.begin(), middle, likelier);
  sorted_ = count;
}

const std::vector<double>& Candidates::weights() {
  list();
  const double highest_logit = best().logit;
  weights_.resize(list_.size());
  sum_ = 0.0;
  for (std::size_t i = 0; i < list_.size(); ++i) {
    weights_[i] = std::exp((list_[i].logit - highest_logit) / temperature);
    sum_ += weights_[i];
  }
  return weights_;
}

}  // namespace linnet
