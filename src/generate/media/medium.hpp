#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "encoder/grid.hpp"
#include "hearing/sound_chunks.hpp"
#include "image/image.hpp"
#include "model/given_rows.hpp"
#include "tokenizer/marked_tokens.hpp"
#include "vision/picture_size.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// A picture or a sound of a prompt, before anything is computed of it. Immutable.
struct Medium {
  /// What the encoder reads by itself: all of it, or a part (PicturePiece, SoundChunk).
  struct Piece {
    std::variant<Image, SoundChunk> content;  ///< a picture in the size that the encoder wants
    Grid size{};                              ///< of a picture, in merged patches
    Bars bars = {};
    SeeEachOther see_each_other = SeeEachOther::kNo;
    RowPlaces row_places = RowPlaces::kNone;  ///< of a picture

    bool is_sound() const { return std::holds_alternative<SoundChunk>(content); }
  };

  std::vector<Piece> pieces;
  /// Its rows in a prompt, a part for each piece. In one process the same piece always has the same
  /// ids, and others have others, so that the cache tells prompts with media apart as it does all
  /// others.
  MarkedTokens tokens;

  bool is_sound() const { return pieces.front().is_sound(); }
};

/// `image` for the encoder `spec` and a text model with `vocabulary` tokens.
Medium make_picture(const VisionSpec& spec, std::int64_t vocabulary, const Image& image);

/// The same of `sound`, which has a sample.
Medium make_sound(const HearingSpec& spec, std::int64_t vocabulary, const Sound& sound);

/// The pictures and sounds that a prompt may have.
using Media = std::vector<std::shared_ptr<const Medium>>;

/// Their tokens, as those who encode texts want them.
std::vector<const MarkedTokens*> tokens_of(const Media& media);

}  // namespace linnet
