#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace linnet {

struct Candidate {
  std::int32_t id = 0;
  float logit = 0.0f;
};

/// The tokens that may still be drawn. It begins as the whole vocabulary, by id, and is only turned
/// into a list when a sampler needs one: most cut it to few tokens in one pass over the logits.
/// Logits that are minus infinity or not a number are no candidates. Where logits are equal, the
/// lower id comes first.
class Candidates {
 public:
  /// Refers to `logits`, which samplers may change.
  explicit Candidates(std::span<float> logits) : logits_(logits) {}

  /// All logits, for samplers that change some; only before anything was cut.
  std::span<float> logits() { return logits_; }

  /// The likeliest one; nothing is left to draw if its logit is minus infinity.
  Candidate best() const;

  /// Keeps the `count` likeliest, in descending order.
  void keep_top(std::int64_t count);
  /// Keeps those whose logit is at least `limit`.
  void keep_at_least(float limit);

  /// Mean and standard deviation of the logits.
  struct Spread {
    double mean = 0.0;
    double deviation = 0.0;
  };
  Spread spread() const;

  /// The candidates as a list that may be changed; by id unless sorted before.
  std::vector<Candidate>& list();
  /// Sorts the list so that at least the first `count` are the likeliest in descending order.
  void sort_front(std::size_t count);
  /// Keeps these, of which the order is the one in which they are drawn.
  void replace(std::vector<Candidate> candidates);
  bool is_list() const { return is_list_; }

  /// Probabilities are softmax(logit / temperature).
  double temperature = 1.0;

  /// exp((logit - best) / temperature) for each of the list, and their sum.
  const std::vector<double>& weights();
  double weights_sum() const { return sum_; }

 private:
  std::span<float> logits_;
  std::vector<Candidate> list_;
  std::vector<double> weights_;
  double sum_ = 0.0;
  bool is_list_ = false;
  std::size_t sorted_ = 0;  // so many at the front of the list
};

/// True if `a` is likelier than `b`: the order of all that is kept or sorted.
inline bool likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/// The highest logit, the lowest id on ties. `logits` is not empty.
Candidate highest(std::span<const float> logits);

/// log(sum(exp(logits))), in double.
double log_sum_exp(std::span<const float> logits);

}  // namespace linnet
