#include "image/resize.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace linnet {
namespace {

// Weights are integers, 2^kWeightBits for 1.
constexpr int kWeightBits = 22;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

struct Filter {
  double support;  ///< it is 0 farther away than this
  double (*value)(double distance);
};

double bilinear(double distance) { return std::max(1.0 - std::abs(distance), 0.0); }

double bicubic(double distance) {
  constexpr double a = -0.5;
  const double x = std::abs(distance);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

double sinc(double x) {
  x *= std::numbers::pi;
  return x == 0.0 ? 1.0 : std::sin(x) / x;
}

double lanczos(double x) { return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0; }

constexpr Filter kFilters[] = {{1.0, bilinear}, {2.0, bicubic}, {3.0, lanczos}};

// The samples of one side that each sample of the new side is made of, and how much of each.
class Weights {
 public:
  Weights(int old_size, int new_size, const Filter& filter) {
    const double scale = static_cast<double>(old_size) / new_size;
    const double stretch = std::max(scale, 1.0);
    const double reach = filter.support * stretch;
    std::vector<double> exact;
    for (int i = 0; i < new_size; ++i) {
      const double centre = (i + 0.5) * scale;
      // Samples whose middles lie within reach.
      const int first = std::max(static_cast<int>(std::floor(centre - reach + 0.5)), 0);
      const int end = std::min(static_cast<int>(std::floor(centre + reach + 0.5)), old_size);
      exact.clear();
      double sum = 0.0;
      for (int sample = first; sample < end; ++sample) {
        exact.push_back(filter.value((sample - centre + 0.5) * (1.0 / stretch)));
        sum += exact.back();
      }
      spans_.push_back({first, end, weights_.size()});
      for (const double weight : exact) weights_.push_back(rounded(weight / sum));
    }
  }

  int first(int i) const { return spans_[i].first; }
  int end(int i) const { return spans_[i].end; }
  const std::int32_t* of(int i) const { return weights_.data() + spans_[i].at; }

 private:
  struct Span {
    int first, end;
    std::size_t at;
  };

  static std::int32_t rounded(double weight) {
    const double scaled = weight * (1 << kWeightBits);
    return static_cast<std::int32_t>(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
  }

  std::vector<Span> spans_;
  std::vector<std::int32_t> weights_;
};

std::uint8_t sample_of(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

void resize_row(const std::uint8_t* row, const Weights& columns, std::vector<std::uint8_t>& line) {
  const int width = static_cast<int>(line.size() / 3);
  for (int x = 0; x < width; ++x) {
    std::int32_t red = kHalf, green = kHalf, blue = kHalf;
    const std::int32_t* weight = columns.of(x);
    const int end = columns.end(x);
    for (int i = columns.first(x); i < end; ++i, ++weight) {
      const std::uint8_t* pixel = row + std::size_t{3} * i;
      red += pixel[0] * *weight;
      green += pixel[1] * *weight;
      blue += pixel[2] * *weight;
    }
    std::uint8_t* to = line.data() + std::size_t{3} * x;
    to[0] = sample_of(red), to[1] = sample_of(green), to[2] = sample_of(blue);
  }
}

void add_line(const std::vector<std::uint8_t>& line, std::int32_t weight, std::int32_t* sums) {
  for (std::size_t i = 0; i < line.size(); ++i) sums[i] += line[i] * weight;
}

}  // namespace

Image resize(const Image& image, int width, int height, Resampling resampling) {
  assert(image.width >= 1 && image.height >= 1 && width >= 1 && height >= 1);
  const Filter& filter = kFilters[static_cast<int>(resampling)];
  const Weights columns(image.width, width, filter), rows(image.height, height, filter);
  // Each row of the image is resized and added to those that it is a part of, so that all of them
  // together, which could be huge, are never kept.
  std::vector<std::uint8_t> line(std::size_t{3} * width);
  std::vector<std::int32_t> sums(line.size() * height, kHalf);
  int first = 0;  // of the new rows that are not complete
  for (int y = 0; y < image.height; ++y) {
    resize_row(image.pixels.data() + std::size_t{3} * image.width * y, columns, line);
    while (first < height && rows.end(first) <= y) ++first;
    for (int row = first; row < height && rows.first(row) <= y; ++row) {
      add_line(line, rows.of(row)[y - rows.first(row)], sums.data() + line.size() * row);
    }
  }
  Image result{width, height, std::vector<std::uint8_t>(sums.size())};
  std::transform(sums.begin(), sums.end(), result.pixels.begin(), sample_of);
  return result;
}

}  // namespace linnet
