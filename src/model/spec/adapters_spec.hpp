#pragma once

#include <cstdint>
#include <vector>

#include "base/token_id.hpp"

namespace linnet {

/// Low-rank adapters (https://arxiv.org/abs/2106.09685) of the projections, each switched on by a
/// token of the text for the tokens after it (Granite Switch).
struct AdaptersSpec {
  std::vector<TokenId> tokens;       ///< that switch each adapter on; none: no adapters
  std::vector<TokenId> substitutes;  ///< what is embedded in the place of each of them
  int rank = 0;
  /// How sure the choice is: the logit of such a token, and minus that of others.
  float gain = 0.0f;
  int kv_layer = -1;  ///< where the choices are kept
};

}  // namespace linnet
