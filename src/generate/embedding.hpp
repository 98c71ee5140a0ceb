#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "generate/pooling.hpp"

namespace linnet {

/// The vector of a text: the pooled states, scaled to length 1 (or all zeros). With `dimensions`
/// only its first numbers are kept, which is useful if the model was trained for that (Matryoshka,
/// https://arxiv.org/abs/2205.13147); 0: all.
std::vector<float> embedding(const PooledStates& pooled, std::int64_t dimensions = 0);

/// The vectors of `texts`; see pool_texts().
Result<std::vector<std::vector<float>>> embed_texts(Engine& engine,
                                                    std::span<const std::vector<TokenId>> texts,
                                                    Pooling pooling);

}  // namespace linnet
