#include "vision/stretching.hpp"

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

// Cubic convolution (https://doi.org/10.1109/TASSP.1981.1163711).
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

// Rows of `shares`, whose places are `stride` rows apart from `first` on.
void add_shares(const std::vector<float>& rows, const std::vector<Share>& shares,
                std::int64_t first, std::int64_t stride, std::int64_t columns, float* to) {
  for (const Share& share : shares) {
    const float* const from = rows.data() + (first + share.place * stride) * columns;
    for (std::int64_t c = 0; c < columns; ++c) to[c] += share.weight * from[c];
  }
}

}  // namespace

std::vector<Share> spread_shares(Spread spread, int at, int places, int from) {
  const double scale = static_cast<double>(from) / places, width = std::max(scale, 1.0);
  const double centre = (at + 0.5) * scale, reach = spread == Spread::kCubic ? 2 * width : width;
  const int first = std::max(static_cast<int>(std::floor(centre - reach)), 0);
  const int end = std::min(static_cast<int>(std::ceil(centre + reach)), from);
  std::vector<Share> shares;
  double sum = 0.0;
  for (int place = first; place < end; ++place) {
    const double x = (place + 0.5 - centre) / width;
    const double weight = spread == Spread::kCubic ? cubic(x) : triangle(x);
    shares.push_back({place, static_cast<float>(weight)});
    sum += weight;
  }
  for (Share& share : shares) share.weight /= static_cast<float>(sum);
  return shares;
}

std::vector<Share> nearest_shares(int at, double places, int from) {
  const double middle =
      std::clamp((at + 0.5) * from / places - 0.5, 0.0, static_cast<double>(from - 1));
  const int before = static_cast<int>(middle);
  const auto beyond = static_cast<float>(middle - before);
  return {{before, 1.0f - beyond}, {std::min(before + 1, from - 1), beyond}};
}

std::vector<float> stretched_square(const std::vector<float>& square, int from, int to,
                                    std::int64_t columns) {
  if (from == to || square.empty()) return square;
  std::vector<float> wide(static_cast<std::size_t>(from * std::int64_t{to} * columns));
  std::vector<float> result(static_cast<std::size_t>(to * std::int64_t{to} * columns));
  for (int x = 0; x < to; ++x) {
    const auto shares = spread_shares(Spread::kCubic, x, to, from);
    for (std::int64_t y = 0; y < from; ++y) {
      add_shares(square, shares, y * from, 1, columns, wide.data() + (y * to + x) * columns);
    }
  }
  for (std::int64_t y = 0; y < to; ++y) {
    const auto shares = spread_shares(Spread::kCubic, static_cast<int>(y), to, from);
    for (int x = 0; x < to; ++x) {
      add_shares(wide, shares, x, to, columns, result.data() + (y * to + x) * columns);
    }
  }
  return result;
}

std::vector<float> stretched_rows(const std::vector<float>& rows, int from, int to,
                                  std::int64_t columns) {
  if (from == to || rows.empty()) return rows;
  std::vector<float> result(static_cast<std::size_t>(to * columns));
  for (int i = 0; i < to; ++i) {
    add_shares(rows, nearest_shares(i, to, from), 0, 1, columns, result.data() + i * columns);
  }
  return result;
}

}  // namespace linnet
