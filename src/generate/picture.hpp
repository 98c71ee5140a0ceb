#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "image/image.hpp"
#include "tokenizer/tokenizer.hpp"
#include "vision/picture_size.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// A picture of a prompt, before anything is computed of it. Immutable.
struct Picture {
  Image image;       ///< in the size that the encoder wants
  PictureSize size;  ///< in merged patches
  /// What stands for its rows in the tokens of a prompt: no ids of the vocabulary. In one process
  /// the same picture always has the same ones, and others have others, so that the cache tells
  /// prompts with pictures apart as it does all others.
  std::vector<TokenId> ids;
  /// What stands for it in the text of a prompt, until that is encoded; nobody can guess it.
  std::string marker;
};

/// `image` for the encoder `spec` and a text model with `vocabulary` tokens.
Picture make_picture(const VisionSpec& spec, std::int64_t vocabulary, const Image& image);

}  // namespace linnet
