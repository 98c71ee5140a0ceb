#pragma once

#include "backend/backend.hpp"

namespace linnet {

/// Chooses the experts of one row from its `logits` [experts] as `params` say; writes `params.used`
/// ids and weights. The same few operations serve every CPU backend, so all choose alike.
void route_row(const float* logits, int experts, const RouteParams& params, std::int32_t* ids,
               float* weights);

}  // namespace linnet
