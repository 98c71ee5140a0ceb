#pragma once

#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {

// What the blocks of RWKV-6 and 7 share.

/// Weights with which a convolution outputs the difference of the token before to each token.
std::unique_ptr<Buffer> load_difference(WeightLoader& loader, int columns);

/// Each head of `y` gets its group norm, nothing if there is none.
void normalise_heads(const Pass& pass, const Norm& norm, int head_width, View y);

/// That convolution, whose state is one row.
ConvolutionParams shift_to_previous(StatePart state, const Buffer& difference);

}  // namespace linnet
