#include "generate/picture_encoder.hpp"

namespace linnet {

Result<std::optional<EncodedRows>> PictureEncoder::advance(const PictureKey& key,
                                                           const Image& image) {
  if (under_way_ != key) {
    under_way_.reset();
    if (Status status = model_.begin(pixels_of(spec(), image)); !status) return status.error();
    under_way_ = key;
    return std::optional<EncodedRows>();
  }
  auto rows = model_.advance();
  if (!rows || *rows) under_way_.reset();
  return rows;
}

void PictureEncoder::drop(std::uint64_t sequence) {
  if (!under_way_ || under_way_->sequence != sequence) return;
  under_way_.reset();
  model_.drop();
}

}  // namespace linnet
