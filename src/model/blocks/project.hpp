#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// out [rows, weight's rows] = what the weight makes of `in`.
inline void project(const Pass& pass, const Linear& weight, View in, View out) {
  const MatmulOutput output = weight.to(out);
  pass.backend.matmul(in, {&output, 1});
}

}  // namespace linnet
