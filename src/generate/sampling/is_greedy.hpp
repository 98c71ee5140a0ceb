#pragma once

#include "generate/sampling/params.hpp"

namespace linnet {

/// True if each token is the likeliest one: at temperature 0, unless a dynamic one goes up from
/// there.
bool is_greedy(const SamplingParams& params);

}  // namespace linnet
