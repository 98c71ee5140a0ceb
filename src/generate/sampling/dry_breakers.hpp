#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "generate/sampling/params.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// The usual texts across which nothing counts as repeated (SamplingParams::dry_breakers).
inline constexpr std::array<std::string_view, 4> kDryBreakers = {"\n", ":", "\"", "*"};

/// The tokens in which one of `strings` stands, and the runs of tokens of which one is made: a
/// token that ends with the beginning of a string, and the tokens of its rest, of which 20 count at
/// most. Looks through the whole vocabulary. Control tokens count by their names.
DryBreakers find_breakers(const Tokenizer& tokenizer, std::span<const std::string> strings);

}  // namespace linnet
