#include "vision/place_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "vision/stretching.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kLongestSide = 1 << 20;

// The corners of the picture are those of the table.
std::vector<Share> corner_shares(int patch, int patches, int side) {
  const float at = patches > 1 ? static_cast<float>(patch) * static_cast<float>(side - 1) /
                                     static_cast<float>(patches - 1)
                               : 0.0f;
  const int place = static_cast<int>(at);
  const float beyond = at - static_cast<float>(place);
  return {{place, 1.0f - beyond}, {std::min(place + 1, side - 1), beyond}};
}

// Cubic convolution (https://doi.org/10.1109/TASSP.1981.1163711); the edge goes on beyond it.
std::vector<Share> bicubic_shares(int patch, int patches, int side) {
  constexpr double a = -0.75;
  const double at = (patch + 0.5) * side / patches - 0.5;
  const int before = static_cast<int>(std::floor(at));
  std::vector<Share> shares;
  for (int place = before - 1; place <= before + 2; ++place) {
    const double x = std::abs(at - place);
    const double weight =
        x < 1.0 ? ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0 : (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    shares.push_back({std::clamp(place, 0, side - 1), static_cast<float>(weight)});
  }
  return shares;
}

std::vector<Share> bucket_shares(int patch, int patches, int side) {
  return {{static_cast<int>(std::int64_t{side} * patch / patches), 1.0f}};
}

std::vector<Share> own_share(int patch, int, int) { return {{patch, 1.0f}}; }

template <Spread spread>
std::vector<Share> spread_edges(int patch, int patches, int side) {
  return spread_shares(spread, patch, patches, side);
}

std::vector<Share> shares_between(int patch, int patches, int side) {
  return nearest_shares(patch, patches, side);
}

std::vector<Share> shares_between_tenths(int patch, int patches, int side) {
  return nearest_shares(patch, patches + 0.1, side);
}

// What a patch has of the places along a side of the table.
struct Sharing {
  PlaceTable kind;
  std::vector<Share> (*shares)(int patch, int patches, int side);
};

constexpr Sharing kSharings[] = {
    {PlaceTable::kGrid, own_share},
    {PlaceTable::kSpread, spread_edges<Spread::kCubic>},
    {PlaceTable::kCorners, corner_shares},
    {PlaceTable::kBilinear, spread_edges<Spread::kTriangle>},
    {PlaceTable::kBetween, shares_between},
    {PlaceTable::kBetweenTenths, shares_between_tenths},
    {PlaceTable::kBicubic, bicubic_shares},
    {PlaceTable::kBuckets, bucket_shares},
    {PlaceTable::kRowsAndColumns, own_share},
};

// For all patches of one side.
std::vector<std::vector<Share>> shares_of(PlaceTable kind, int patches, int side) {
  const auto sharing = std::ranges::find(kSharings, kind, &Sharing::kind);
  std::vector<std::vector<Share>> shares;
  for (int i = 0; i < patches; ++i) shares.push_back(sharing->shares(i, patches, side));
  return shares;
}

}  // namespace

PlaceTableValues::PlaceTableValues(WeightLoader& loader, const VisionSpec& spec)
    : kind_(spec.places), width_(spec.tower.width) {
  if (kind_ == PlaceTable::kNone) return;
  const int halves = kind_ == PlaceTable::kRowsAndColumns ? 2 : 1;
  const std::int64_t all = loader.elements("v.position_embd") / width_;  // some tables are squares
  const std::int64_t rows = std::clamp<std::int64_t>(
      halves == 2 ? loader.rows("v.position_embd") : all, 1, kLongestSide * kLongestSide);
  values_ = loader.values("v.position_embd.weight", width_ * halves * rows);
  if (kind_ == PlaceTable::kRowsAndColumns) {
    side_ = static_cast<int>(std::min(rows, kLongestSide));
  } else {
    read_square(loader, spec, rows);
  }
}

void PlaceTableValues::read_square(WeightLoader& loader, const VisionSpec& spec,
                                   std::int64_t rows) {
  const bool has_place =
      spec.class_token == ClassToken::kFirst || spec.class_token == ClassToken::kLast;
  const std::int64_t beside = has_place ? 1 : 0;
  const std::int64_t places = rows - beside;
  first_ = spec.class_token == ClassToken::kFirst ? 1 : 0;
  class_token_ = spec.class_token == ClassToken::kLast ? places : 0;
  side_ = static_cast<int>(std::lround(std::sqrt(static_cast<double>(places))));
  if (places < 1 || std::int64_t{side_} * side_ != places) {
    return loader.fail(
        fmt::format("tensor v.position_embd.weight has {} rows, expected a square number{}", rows,
                    beside > 0 ? " and one" : ""));
  }
  const int expected = spec.sizing.fixed_side / spec.patch_side;
  if (kind_ == PlaceTable::kGrid && side_ != expected) {
    loader.fail(
        fmt::format("tensor v.position_embd.weight has places of {} x {} patches, expected "
                    "{} x {}",
                    side_, side_, expected, expected));
  }
}

std::vector<float> PlaceTableValues::of(Grid grid, std::span<const std::int32_t> patches) const {
  const auto columns = shares_of(kind_, grid.width, side_);
  const auto rows = shares_of(kind_, grid.height, side_);
  std::vector<float> result(patches.size() * width_);
  for (std::size_t i = 0; i < patches.size(); ++i) {
    const std::span<float> to = std::span(result).subspan(i * width_, width_);
    const auto& across = columns[patches[i] % grid.width];
    const auto& down = rows[patches[i] / grid.width];
    if (kind_ == PlaceTable::kRowsAndColumns) {
      add(across[0].place, 1.0f, to);
      add(side_ + std::int64_t{down[0].place}, 1.0f, to);
      continue;
    }
    for (const Share& y : down) {
      for (const Share& x : across) {
        add(first_ + std::int64_t{y.place} * side_ + x.place, x.weight * y.weight, to);
      }
    }
  }
  return result;
}

void PlaceTableValues::add(std::int64_t i, float weight, std::span<float> to) const {
  const std::span<const float> from = row(i);
  for (std::size_t c = 0; c < to.size(); ++c) to[c] += weight * from[c];
}

}  // namespace linnet
