#pragma once

#include <concepts>

#include "backend/memory.hpp"

namespace linnet {

/// Pages of the KV cache that hold `tokens` tokens, from 0 to any number, of one sequence.
template <std::integral Count>
constexpr Count pages_for(Count tokens) {
  return static_cast<Count>(tokens / kPageTokens + (tokens % kPageTokens != 0 ? 1 : 0));
}

}  // namespace linnet
