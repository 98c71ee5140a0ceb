#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "generate/media/medium.hpp"
#include "hearing/hearing_model.hpp"
#include "vision/vision_model.hpp"

namespace linnet {

/// A piece of one of a sequence's pictures and sounds.
struct MediumKey {
  std::uint64_t sequence = 0;
  std::size_t piece = 0;

  bool operator==(const MediumKey&) const = default;
};

/// The encoders that a model has; null if it has none of that kind.
struct MediaModels {
  VisionModel* vision = nullptr;
  HearingModel* hearing = nullptr;
};

/// Encodes the pictures and sounds of sequences part by part, so that a step of those that run is
/// never long.
class MediumEncoder {
 public:
  /// What `models` names must outlive the encoder.
  explicit MediumEncoder(MediaModels models) : models_(models) {}

  /// Goes on with a piece, for which there is an encoder, by a part; its rows when all is done. One
  /// at a time is under way: that of another key is dropped.
  Result<std::optional<EncodedRows>> advance(const MediumKey& key, const Medium::Piece& piece);
  /// Forgets what is under way for a sequence.
  void drop(std::uint64_t sequence);

 private:
  Status begin(const Medium::Piece& piece);
  void drop_all();

  MediaModels models_;
  std::optional<MediumKey> under_way_;
};

}  // namespace linnet
