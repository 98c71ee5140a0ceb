#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace linnet::test {

// Formulas as they stand in papers, on rows of doubles.

struct Row : std::vector<double> {
  using vector::vector;
};
struct Rows : std::vector<Row> {
  using vector::vector;
};

inline Rows rows_of(std::span<const float> values, std::int64_t columns) {
  Rows rows;
  for (auto at = values.begin(); at != values.end(); at += columns) {
    rows.emplace_back(at, at + columns);
  }
  return rows;
}

inline Row row_of(std::span<const float> values) { return {values.begin(), values.end()}; }

inline double dot(const Row& a, const Row& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// x W^T; `weight` has a row for each output.
inline Row product(const Row& x, const Rows& weight) {
  Row out;
  for (const Row& row : weight) out.push_back(dot(x, row));
  return out;
}
inline Rows product(const Rows& x, const Rows& weight) {
  Rows out;
  for (const Row& row : x) out.push_back(product(row, weight));
  return out;
}

template <class Function>
Row each(Row x, Function&& function) {
  for (double& value : x) value = function(value);
  return x;
}
template <class Function>
Rows each(Rows x, Function&& function) {
  for (Row& row : x) row = each(std::move(row), function);
  return x;
}
template <class Function>
Row each(Row a, const Row& b, Function&& function) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = function(a[i], b[i]);
  return a;
}
template <class Function>
Rows each(Rows a, const Rows& b, Function&& function) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = each(std::move(a[i]), b[i], function);
  return a;
}

inline Row operator+(const Row& a, const Row& b) { return each(a, b, std::plus<>()); }
inline Rows operator+(const Rows& a, const Rows& b) { return each(a, b, std::plus<>()); }
inline Row operator*(double factor, const Row& x) {
  return each(x, [=](double value) { return factor * value; });
}
inline Rows operator*(double factor, const Rows& x) {
  return each(x, [=](double value) { return factor * value; });
}
/// Column by column.
inline Row times(const Row& a, const Row& b) { return each(a, b, std::multiplies<>()); }
inline Rows times(const Rows& a, const Rows& b) { return each(a, b, std::multiplies<>()); }

/// Columns [first, first + count).
inline Row columns(const Row& x, std::int64_t first, std::int64_t count) {
  return {x.begin() + first, x.begin() + first + count};
}
inline Rows columns(const Rows& x, std::int64_t first, std::int64_t count) {
  Rows out;
  for (const Row& row : x) out.push_back(columns(row, first, count));
  return out;
}

inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
inline double silu(double x) { return x * sigmoid(x); }
inline double softplus(double x) { return std::log1p(std::exp(x)); }

inline Row softmax(const Row& x) {
  const double largest = *std::ranges::max_element(x);
  Row out = each(x, [&](double value) { return std::exp(value - largest); });
  double sum = 0.0;
  for (const double value : out) sum += value;
  return 1.0 / sum * out;
}

/// x / sqrt(mean of x^2 + epsilon) (https://arxiv.org/abs/1910.07467).
inline Row rms_norm(const Row& x, double epsilon) {
  return 1.0 / std::sqrt(dot(x, x) / static_cast<double>(x.size()) + epsilon) * x;
}
inline Row rms_norm(const Row& x, const Row& weight, double epsilon) {
  return times(rms_norm(x, epsilon), weight);
}
inline Rows rms_norm(const Rows& x, const Row& weight, double epsilon) {
  Rows out;
  for (const Row& row : x) out.push_back(rms_norm(row, weight, epsilon));
  return out;
}

/// That `got` is `want` but for the rounding of floats, which is that of the largest number.
inline void expect_near(std::span<const float> got, const Rows& want) {
  constexpr double kRounding = 2e-5;
  const std::size_t width = want.empty() ? 0 : want.front().size();
  ASSERT_EQ(got.size(), want.size() * width);
  double largest = 1.0;
  for (const Row& row : want) {
    for (const double value : row) largest = std::max(largest, std::fabs(value));
  }
  for (std::size_t r = 0; r < want.size(); ++r) {
    for (std::size_t c = 0; c < width; ++c) {
      ASSERT_NEAR(got[r * width + c], want[r][c], kRounding * largest)
          << "row " << r << ", column " << c;
    }
  }
}

}  // namespace linnet::test
