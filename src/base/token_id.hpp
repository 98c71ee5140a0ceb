#pragma once

#include <cstdint>

namespace linnet {

/// The number of a token in a vocabulary, from 0.
using TokenId = std::int32_t;

}  // namespace linnet
