#include "vision/picture_size.hpp"

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

int multiple(double length, int of, double (*rounded)(double)) {
  return std::max(1, static_cast<int>(rounded(length / of))) * of;
}

double nearest(double x) { return std::nearbyint(x); }  // ties to even, as Python rounds
double below(double x) { return std::floor(x); }
double above(double x) { return std::ceil(x); }

}  // namespace

PictureSize target_size(const VisionSpec& spec, PictureSize size) {
  const PictureSizing& sizing = spec.sizing;
  if (sizing.fixed_side > 0) return {sizing.fixed_side, sizing.fixed_side};
  const int unit = spec.patch_side * spec.merge_side;
  const auto sides = [&](double factor, double (*rounded)(double)) {
    return PictureSize{multiple(size.width * factor, unit, rounded),
                       multiple(size.height * factor, unit, rounded)};
  };
  const double unit_area = double{1.0} * unit * unit;
  const double area = static_cast<double>(size.area());
  PictureSize target = sides(1.0, nearest);
  const std::int64_t tokens = (target / unit).area();
  if (tokens > sizing.most_tokens) {
    target = sides(std::sqrt(static_cast<double>(sizing.most_tokens) * unit_area / area), below);
  } else if (tokens < sizing.least_tokens) {
    target = sides(std::sqrt(static_cast<double>(sizing.least_tokens) * unit_area / area), above);
  }
  // A narrow picture still has one patch across.
  const auto longest = [&](int other) {
    std::int64_t most = std::max<std::int64_t>(1, sizing.most_tokens / (other / unit));
    if (sizing.longest_side > 0) most = std::min(most, sizing.longest_side);
    return static_cast<int>(most * unit);
  };
  target.width = std::min(target.width, longest(unit));
  target.height = std::min(target.height, longest(target.width));
  return target;
}

std::int64_t rows_of(const VisionSpec& spec, PictureSize merged) {
  const bool breaks = std::ranges::any_of(spec.projector_steps, [](const ProjectorStep& step) {
    return step.kind == ProjectorStep::Kind::kBreakRows;
  });
  return merged.area() + (breaks ? merged.height - 1 : 0);
}

}  // namespace linnet
