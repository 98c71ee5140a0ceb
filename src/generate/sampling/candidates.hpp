#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "generate/sampling/logit_needs.hpp"

namespace linnet {

struct Candidate {
  TokenId id = 0;
  float logit = 0.0f;
};

/// The tokens that may still be drawn. It begins as the whole vocabulary, by id, and is only turned
/// into a list when a sampler cuts it, mostly to few tokens in one pass over the logits. Logits
/// that are minus infinity or not a number are no candidates. Where logits are equal, the lower id
/// comes first.
class Candidates {
 public:
  /// Refers to `row`, whose logits samplers may change.
  explicit Candidates(const LogitRow& row) : logits_(row.logits), known_(row.known) {}
  explicit Candidates(std::span<float> logits) : Candidates(LogitRow{logits}) {}

  /// All logits, for samplers that change some; only before anything was cut.
  std::span<float> logits() { return logits_; }

  /// The likeliest one; nothing is left to draw if its logit is minus infinity.
  Candidate best() const;
  bool empty() const;

  /// The `count` likeliest, in descending order; fewer if there are no more.
  std::vector<Candidate> top(std::int64_t count) const;
  /// Candidates with `low` <= logit <= `high`, in no order.
  std::vector<Candidate> between(float low, float high) const;

  /// Keeps these; they are drawn from in this order.
  void keep(std::vector<Candidate> candidates);
  /// Keeps the `count` likeliest, in descending order.
  void keep_top(std::int64_t count);
  /// Keeps those whose logit is at least `limit`.
  void keep_at_least(float limit);
  /// Removes the `count` likeliest.
  void remove_top(std::int64_t count);

  /// Mean and standard deviation of the logits.
  struct Spread {
    double mean = 0.0;
    double deviation = 0.0;
  };
  Spread spread() const;

  /// Probabilities are softmax(logit / temperature).
  double temperature = 1.0;

  /// The distribution at the present temperature. The weight of a candidate is
  /// exp((logit - highest) / temperature), its probability weight / sum.
  struct Softmax {
    float highest = 0.0f;
    double scale = 1.0;    ///< 1 / temperature
    double sum = 0.0;      ///< of all weights
    double entropy = 0.0;  ///< in nats
    std::int64_t count = 0;

    double weight(float logit) const;
    double weight(std::span<const Candidate> candidates) const;
    /// The logit of a candidate of this probability.
    double logit_of(double probability) const;
  };
  Softmax softmax() const;
  /// Keeps the first of these until their weights add up to `wanted`, and at least one.
  void keep_until(std::vector<Candidate> candidates, const Softmax& distribution, double wanted);

  struct Drawn {
    TokenId id = 0;
    double probability = 0.0;
  };
  /// The candidate at the part `u`, from 0 to below 1, of the distribution; nothing if there is
  /// none.
  std::optional<Drawn> draw(double u) const;

 private:
  template <class Visit>
  void for_each(const Visit& visit) const;
  template <class Visit>
  void for_each_above(const float& limit, const Visit& visit) const;
  Candidate highest_logit() const;

  std::span<float> logits_;
  const std::vector<TokenId>* known_;  // ids, if not all logits are there
  std::vector<Candidate> list_;
  bool is_list_ = false;
  bool is_sorted_ = false;  // in descending order
};

/// True if `a` is likelier than `b`: the order of all that is kept or sorted.
inline bool likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/// The highest logit, the lowest id on ties. `logits` is not empty.
Candidate highest(std::span<const float> logits);

/// log(sum(exp(logits))), with an error below 1e-6.
double log_sum_exp(std::span<const float> logits);

}  // namespace linnet
