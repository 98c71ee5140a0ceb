#pragma once

#include <span>
#include <vector>

#include "generate/pooling.hpp"

namespace linnet {

/// The vector of a text: what was pooled, at length 1 (or all zeros).
std::vector<float> embedding(const PooledStates& pooled);

/// The vectors of `texts`; see pool_texts().
Result<std::vector<std::vector<float>>> embed_texts(Engine& engine,
                                                    std::span<const std::vector<TokenId>> texts,
                                                    Pooling pooling);

}  // namespace linnet
