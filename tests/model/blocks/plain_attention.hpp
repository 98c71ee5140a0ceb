#pragma once

#include <functional>

#include "model/blocks/plain_math.hpp"

namespace linnet::test {

/// softmax(scale * q k^T + bias) v (https://arxiv.org/abs/1706.03762, section 3.2.1) with grouped
/// queries (https://arxiv.org/abs/2305.13245), as the papers have it.
struct PlainAttention {
  int heads = 1;
  int kv_heads = 1;
  double scale = 1.0;
  /// Whether the query of row `q` sees the key of row `k`.
  std::function<bool(int q, int k)> sees = [](int q, int k) { return k <= q; };
  std::function<double(int head, int q, int k)> bias = [](int, int, int) { return 0.0; };

  /// Rows of all heads side by side.
  Rows operator()(const Rows& queries, const Rows& keys, const Rows& values) const {
    const auto key_width = static_cast<std::int64_t>(keys[0].size()) / kv_heads;
    const auto value_width = static_cast<std::int64_t>(values[0].size()) / kv_heads;
    Rows out(queries.size());
    for (int q = 0; q < std::ssize(queries); ++q) {
      for (int head = 0; head < heads; ++head) {
        const int kv_head = head / (heads / kv_heads);
        const Row query = columns(queries[q], head * key_width, key_width);
        Row scores;
        std::vector<int> seen;
        for (int k = 0; k < std::ssize(keys); ++k) {
          if (!sees(q, k)) continue;
          seen.push_back(k);
          const Row key = columns(keys[k], kv_head * key_width, key_width);
          scores.push_back(scale * dot(query, key) + bias(head, q, k));
        }
        Row sum(static_cast<std::size_t>(value_width));
        const Row weights = softmax(scores);
        for (std::size_t i = 0; i < seen.size(); ++i) {
          sum = sum + weights[i] * columns(values[seen[i]], kv_head * value_width, value_width);
        }
        out[q].insert(out[q].end(), sum.begin(), sum.end());
      }
    }
    return out;
  }
};

/// Turns the columns [first, first + dims) of each head of `width` columns by angle(pair, row): the
/// pairs are (i, i + dims / 2) (https://arxiv.org/abs/2104.09864, as GPT-NeoX lays them out).
template <class Angle>
Rows turn(Rows x, std::int64_t width, std::int64_t first, std::int64_t dims, Angle&& angle) {
  for (std::size_t r = 0; r < x.size(); ++r) {
    for (std::int64_t head = first; head < std::ssize(x[r]); head += width) {
      for (std::int64_t i = 0; i < dims / 2; ++i) {
        double &a = x[r][head + i], &b = x[r][head + i + dims / 2];
        const double cosine = std::cos(angle(i, r)), sine = std::sin(angle(i, r));
        std::tie(a, b) = std::pair(a * cosine - b * sine, a * sine + b * cosine);
      }
    }
  }
  return x;
}

/// Each head's RMS norm, all with the same weights.
inline Rows norm_heads(const Rows& x, const Row& weight, double epsilon) {
  Rows out(x.size());
  for (std::size_t r = 0; r < x.size(); ++r) {
    for (std::int64_t first = 0; first < std::ssize(x[r]); first += std::ssize(weight)) {
      const Row head = rms_norm(columns(x[r], first, std::ssize(weight)), weight, epsilon);
      out[r].insert(out[r].end(), head.begin(), head.end());
    }
  }
  return out;
}

}  // namespace linnet::test
