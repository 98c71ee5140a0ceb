#pragma once

#include "model/blocks/project.hpp"

namespace linnet {

/// out = the product of `projection`, with its bias, and `in`, if there is no pass: adapters and
/// bounds do nothing. With `accumulate` it is added.
inline void multiply(Backend& backend, const Linear& projection, View in, View out,
                     bool accumulate = false) {
  const MatmulOutput output = product_of({projection, out}, accumulate);
  backend.matmul(in, {&output, 1});
}

}  // namespace linnet
