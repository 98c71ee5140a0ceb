#pragma once

#include "vision/vision_model.hpp"

namespace linnet::test {

/// All parts of a picture, one behind the other.
inline Result<EncodedRows> encode(VisionModel& model, const Pixels& pixels) {
  if (Status status = model.begin(pixels); !status) return status.error();
  while (true) {
    auto rows = model.advance();
    if (!rows) return rows.error();
    if (*rows) return std::move(**rows);
  }
}

}  // namespace linnet::test
