#include "vision/picture_size.hpp"

#include <algorithm>
#include <cmath>

#include "encoder/projector_sizes.hpp"

namespace linnet {
namespace {

int multiple(double length, int of, double (*rounded)(double)) {
  return std::max(1, static_cast<int>(rounded(length / of))) * of;
}

double nearest(double x) { return std::nearbyint(x); }  // ties to even, as Python rounds
double below(double x) { return std::floor(x); }
double above(double x) { return std::ceil(x); }

// A picture on its way to whole merged patches of `unit` pixels.
struct Fitting {
  PictureSize size;
  int unit;

  PictureSize sides(double factor, double (*rounded)(double)) const {
    return {multiple(size.width * factor, unit, rounded),
            multiple(size.height * factor, unit, rounded)};
  }
  /// The factor that gives the picture the area of this many merged patches.
  double factor_for(std::int64_t tokens) const {
    const double area = static_cast<double>(size.area());
    return std::sqrt(static_cast<double>(tokens) * unit * unit / area);
  }
};

PictureSize nearest_sides(const PictureSizing& sizing, const Fitting& picture) {
  const PictureSize sides = picture.sides(1.0, nearest);
  const std::int64_t tokens = (sides / picture.unit).area();
  if (tokens > sizing.most_tokens) {
    return picture.sides(picture.factor_for(sizing.most_tokens), below);
  }
  if (tokens < sizing.least_tokens) {
    return picture.sides(picture.factor_for(sizing.least_tokens), above);
  }
  return sides;
}

// Of kShape, as transformers' get_aspect_ratio_preserving_size() chooses them.
PictureSize sides_of_shape(std::int64_t most_tokens, const Fitting& picture) {
  const double width = picture.size.width, height = picture.size.height;
  double columns = width / picture.unit, rows = height / picture.unit;
  if (columns * rows > static_cast<double>(most_tokens)) {
    rows = std::sqrt(static_cast<double>(most_tokens) * height / width);
    columns = rows * width / height;
  }
  PictureSize best;
  double least = 0.0;
  for (const double down : {std::floor(rows), std::ceil(rows)}) {
    for (const double across : {std::floor(columns), std::ceil(columns)}) {
      if (down < 1 || across < 1 || down * across > static_cast<double>(most_tokens)) continue;
      const double difference = std::abs(down / across - height / width);
      const bool is_better =
          best.area() == 0 || difference < least ||
          (difference == least && down * across > static_cast<double>(best.area()));
      if (!is_better) continue;
      best = {static_cast<int>(across), static_cast<int>(down)};
      least = difference;
    }
  }
  if (best.area() == 0) {
    best = {std::max(1, static_cast<int>(columns)), std::max(1, static_cast<int>(rows))};
  }
  return {best.width * picture.unit, best.height * picture.unit};
}

// For kSameArea.
PictureSize sides_of_area(int side, const Fitting& picture) {
  const double shape = static_cast<double>(picture.size.width) / picture.size.height;
  const int height = static_cast<int>(side / std::sqrt(shape));
  const int width = static_cast<int>(height * shape);
  return Fitting{{width, height}, picture.unit}.sides(1.0, nearest);
}

int unit_of(const VisionSpec& spec) { return spec.patch_side * spec.merge_side; }

// For kWithin: the picture before it becomes whole merged patches. Whole patches count.
PictureSize shrunk(const VisionSpec& spec, PictureSize size) {
  const PictureSizing& sizing = spec.sizing;
  const std::int64_t most_patches = sizing.most_tokens * spec.merge_side * spec.merge_side;
  const std::int64_t patches = (size / spec.patch_side).area();
  double factor = 1.0;
  if (patches > most_patches) factor = std::sqrt(static_cast<double>(most_patches) / patches);
  if (sizing.longest_side > 0) {
    const double longest = static_cast<double>(sizing.longest_side) * unit_of(spec);
    factor = std::min(factor, longest / std::max(size.width, size.height));
  }
  return {std::max(1, static_cast<int>(size.width * factor)),
          std::max(1, static_cast<int>(size.height * factor))};
}

PictureSize sides_within(const VisionSpec& spec, PictureSize size) {
  const Fitting picture{shrunk(spec, size), unit_of(spec)};
  const PictureSize sides = picture.sides(1.0, above);
  const bool is_too_much = (sides / picture.unit).area() > spec.sizing.most_tokens;
  return is_too_much ? picture.sides(1.0, below) : sides;
}

PictureSize whole_sides(const VisionSpec& spec, PictureSize size) {
  using Choice = PictureSizing::Choice;
  const Fitting picture{size, unit_of(spec)};
  switch (spec.sizing.choice) {
    case Choice::kWithin:
      return sides_within(spec, size);
    case Choice::kShape:
      return sides_of_shape(spec.sizing.most_tokens, picture);
    case Choice::kSameArea:
      return sides_of_area(spec.sizing.area_side, picture);
    case Choice::kNearest:
      break;
  }
  return nearest_sides(spec.sizing, picture);
}

}  // namespace

PictureSize target_size(const VisionSpec& spec, PictureSize size) {
  const PictureSizing& sizing = spec.sizing;
  if (sizing.fixed_side > 0) return {sizing.fixed_side, sizing.fixed_side};
  const int unit = unit_of(spec);
  PictureSize target = whole_sides(spec, size);
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

PictureSize filled_size(const VisionSpec& spec, PictureSize size) {
  const PictureSize target = target_size(spec, size);
  if (!spec.sizing.pads) return target;
  const PictureSize inner = shrunk(spec, size);
  return {std::min(inner.width, target.width), std::min(inner.height, target.height)};
}

// As transformers' unpad_image() finds them, but a row or two stay of the narrowest picture.
Grid bars_of(PictureSize size, Grid merged) {
  constexpr double kRounding = 1e-7;
  const auto filled = [&](int length, int all, int side) {
    const double rows = std::floor(static_cast<double>(length) * all / side + kRounding);
    return std::max(1, static_cast<int>(rows));
  };
  const double shape = static_cast<double>(size.width) / size.height;
  if (shape > static_cast<double>(merged.width) / merged.height) {
    return {0, (merged.height - filled(size.height, merged.width, size.width)) / 2};
  }
  return {(merged.width - filled(size.width, merged.height, size.height)) / 2, 0};
}

std::int64_t rows_of(const VisionSpec& spec, Grid merged, const Bars& bars) {
  if (bars) {
    const std::int64_t line = merged.width - 2 * bars->width + 1;
    return line * (merged.height - 2 * bars->height);
  }
  std::int64_t rows = merged.area();
  for (const ProjectorStep& step : spec.projector_steps) {
    if (step.kind == ProjectorStep::Kind::kResample) rows = step.queries;
    rows += rows_beside(step, merged.height);
  }
  return rows;
}

}  // namespace linnet
