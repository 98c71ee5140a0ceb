#include "vision/crop_windows.hpp"

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

// Longer side to shorter one: small pictures are cut from the first on, of others the windows
// shrink from the second on.
constexpr float kLongSmall = 1.5f, kLong = 4.0f;
constexpr int kNarrow = 32;

int window_side(PictureSize size, int whole_side, int tile_side) {
  const int longer = std::max(size.width, size.height), shorter = std::min(size.width, size.height);
  const float shape = static_cast<float>(longer) / static_cast<float>(shorter);
  if (longer <= whole_side) return shape > kLongSmall ? shorter : 0;
  return shape > kLong ? std::min(shorter, tile_side) : tile_side;
}

// Whole windows; a rest of up to a fifth is squeezed in.
int extent_of(int length, int window) {
  constexpr float kRest = 0.2f;
  const float windows = static_cast<float>(length) / static_cast<float>(window);
  if (windows < 1.0f) return length;
  const float whole = std::floor(windows);
  return window * static_cast<int>(windows - whole > kRest ? whole + 1.0f : whole);
}

}  // namespace

CropWindows crop_windows(PictureSize size, int whole_side, int tile_side) {
  CropWindows windows;
  windows.side = window_side(size, whole_side, tile_side);
  if (windows.side == 0) return windows;
  windows.extent = {extent_of(size.width, windows.side), extent_of(size.height, windows.side)};
  const auto count = [&](int length) { return (length + windows.side - 1) / windows.side; };
  windows.grid = {count(windows.extent.width), count(windows.extent.height)};
  return windows;
}

NarrowedPicture narrowed(PictureSize size, int longest) {
  const int longer = std::max(size.width, size.height), shorter = std::min(size.width, size.height);
  const bool is_narrow =
      shorter<kNarrow&& static_cast<float>(longer)> kLong * static_cast<float>(shorter);
  PictureSize picture = size;
  if (longer > longest) {
    const float factor = static_cast<float>(longest) / static_cast<float>(longer);
    const auto scaled = [&](int length) {
      return std::clamp(static_cast<int>(static_cast<float>(length) * factor), 1, longest);
    };
    picture = {scaled(size.width), scaled(size.height)};
  }
  const int side = std::max(picture.width, picture.height);
  return {picture, is_narrow ? PictureSize{side, side} : picture};
}

}  // namespace linnet
