#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image/image.hpp"
#include "vision/picture_size.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// A part of a picture, or all of it, that the encoder reads by itself.
struct PicturePiece {
  std::string before;  ///< text, with special tokens, between its rows and what is before them
  Image image;         ///< in the size that the encoder wants
  Bars bars = {};
};

/// What a picture is to a text model: the rows of all pieces, with texts around them.
struct PicturePieces {
  std::vector<PicturePiece> pieces;  ///< at least one
  std::string after;
};

/// `image` for the encoder `spec`: its tiles and an overview where it is cut (see Tiling), else the
/// whole alone.
PicturePieces pieces_of(const VisionSpec& spec, const Image& image);

/// Columns and rows of tiles that a picture of `size` is cut into; none if it is not.
std::optional<Grid> grid_of_tiles(const VisionSpec& spec, PictureSize size);

}  // namespace linnet
