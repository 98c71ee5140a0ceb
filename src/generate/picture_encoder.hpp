#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "image/image.hpp"
#include "vision/vision_model.hpp"

namespace linnet {

/// A piece of one of a sequence's pictures.
struct PictureKey {
  std::uint64_t sequence = 0;
  std::size_t piece = 0;

  bool operator==(const PictureKey&) const = default;
};

/// Encodes the pictures of sequences part by part, so that a step of those that run is never long.
class PictureEncoder {
 public:
  /// `model` must outlive the encoder.
  explicit PictureEncoder(VisionModel& model) : model_(model) {}

  const VisionSpec& spec() const { return model_.spec(); }
  /// Goes on with a picture by a part; its rows when all is done. One at a time is under way: that
  /// of another key is dropped.
  Result<std::optional<EncodedRows>> advance(const PictureKey& key, const Image& image);
  /// Forgets what is under way for a sequence.
  void drop(std::uint64_t sequence);

 private:
  VisionModel& model_;
  std::optional<PictureKey> under_way_;
};

}  // namespace linnet
