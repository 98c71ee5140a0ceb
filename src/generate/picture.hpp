#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "image/image.hpp"
#include "tokenizer/marked_tokens.hpp"
#include "vision/picture_size.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// A picture of a prompt, before anything is computed of it. Immutable.
struct Picture {
  /// What the encoder reads by itself: all of the picture, or a part of it (PicturePiece).
  struct Piece {
    Image image;       ///< in the size that the encoder wants
    PictureSize size;  ///< in merged patches
  };

  std::vector<Piece> pieces;
  /// Its rows in a prompt, a part for each piece. In one process the same piece always has the same
  /// ids, and others have others, so that the cache tells prompts with pictures apart as it does
  /// all others.
  MarkedTokens tokens;
};

/// `image` for the encoder `spec` and a text model with `vocabulary` tokens.
Picture make_picture(const VisionSpec& spec, std::int64_t vocabulary, const Image& image);

/// The pictures that a prompt may have.
using Pictures = std::vector<std::shared_ptr<const Picture>>;

/// Their tokens, as those who encode texts want them.
std::vector<const MarkedTokens*> tokens_of(const Pictures& pictures);

}  // namespace linnet
