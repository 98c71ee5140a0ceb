#pragma once

#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {

// What the blocks of RWKV-6 and 7 share.

/// Of the norm of each head's output.
inline constexpr float kGroupNormEpsilon = 64e-5f;

/// Weights with which a convolution gives the difference of the token before to each token.
std::unique_ptr<Buffer> load_difference(WeightLoader& loader, int columns);

/// That convolution, whose state is one row.
ConvolutionParams shift_to_previous(StatePart state, const Buffer& difference);

}  // namespace linnet
