#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// out [rows, weight's rows] = what the weight makes of `in`; with `accumulate` it is added.
inline void project(const Pass& pass, const Linear& weight, View in, View out,
                    bool accumulate = false) {
  const MatmulOutput output = accumulate ? weight.add_to(out) : weight.to(out);
  pass.backend.matmul(in, {&output, 1});
}

/// The same in new rows of the workspace.
inline View project(const Pass& pass, const Linear& weight, View in) {
  const View out = pass.workspace.view(in.rows, weight.weight->rows());
  project(pass, weight, in, out);
  return out;
}

}  // namespace linnet
