#pragma once

#include <cstdint>

#include "backend/backend.hpp"

namespace linnet {

/// One row of Backend::stream_weights; `write` may be null.
void stream_weights_row(const float* mixes, const StreamParams& params, float* read, float* write);

/// One row of Backend::mix_streams: `to` streams of `width` columns out of `from`. out == in is
/// allowed.
void mix_streams_row(const float* in, int from, const float* weights, int to, std::int64_t width,
                     float* out);

}  // namespace linnet
