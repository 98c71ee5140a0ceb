#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// The usual texts across which nothing counts as repeated (SamplingParams::dry_breakers).
inline constexpr std::array<std::string_view, 4> kDryBreakers = {"\n", ":", "\"", "*"};

/// The tokens in which one of `strings` stands. Looks through the whole vocabulary.
std::vector<TokenId> tokens_with(const Tokenizer& tokenizer, std::span<const std::string> strings);

}  // namespace linnet
