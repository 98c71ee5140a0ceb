#pragma once

#include <cstdint>
#include <span>

#include "base/token_id.hpp"

namespace linnet {

/// The hash of a sequence without tokens.
std::uint64_t empty_prefix_hash();
/// The same if what is computed of tokens depends on how much of each adapter is added: other
/// strengths, other sequences.
std::uint64_t empty_prefix_hash(std::span<const float> adapter_strengths);

/// The hash of the tokens that `hash` stands for and `tokens` after them. It differs from process
/// to process, so that nobody can choose tokens that are taken for others.
std::uint64_t extend_prefix_hash(std::uint64_t hash, std::span<const TokenId> tokens);

}  // namespace linnet
