#include "generate/media/medium_encoder.hpp"

namespace linnet {

Status MediumEncoder::begin(const Medium::Piece& piece) {
  drop_all();
  if (piece.is_sound()) return models_.hearing->begin(std::get<SoundChunk>(piece.content));
  VisionModel& vision = *models_.vision;
  Pixels pixels = pixels_of(vision.spec(), std::get<Image>(piece.content));
  pixels.bars = piece.bars;
  return vision.begin(pixels);
}

Result<std::optional<EncodedRows>> MediumEncoder::advance(const MediumKey& key,
                                                          const Medium::Piece& piece) {
  if (under_way_ != key) {
    if (Status status = begin(piece); !status) return status.error();
    under_way_ = key;
    return std::optional<EncodedRows>();
  }
  auto rows = piece.is_sound() ? models_.hearing->advance() : models_.vision->advance();
  if (!rows || *rows) under_way_.reset();
  return rows;
}

void MediumEncoder::drop(std::uint64_t sequence) {
  if (under_way_ && under_way_->sequence == sequence) drop_all();
}

void MediumEncoder::drop_all() {
  under_way_.reset();
  if (models_.vision) models_.vision->drop();
  if (models_.hearing) models_.hearing->drop();
}

}  // namespace linnet
