#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "formats/type_mix.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet::quantize {

/// The mix called `name` (see find_quantised_mix), as far as values can be written in its types. An
/// Error lists the names that there are.
Result<TypeMix> find_types(std::string_view name);

/// A type for the tensors whose names match.
struct Rule {
  std::string pattern;  ///< a name in which each * stands for any text
  const Format* format;
};

/// Reads "PATTERN=TYPE".
Result<Rule> parse_rule(std::string_view text);

/// The type that each tensor of `file` gets, in the file's order: that of the last rule that it
/// matches (by its whole name if it is small, as below; never a vector), else that of `mix` if it
/// is a matrix of weights, else the one that it has. Norms, biases, routers and other small things
/// stay as they are; so does what is not of numbers with a point. Rows that are no whole number of
/// blocks of the mix's type get one with blocks of 32 that loses no more, or F16. An Error where
/// the file has no tensors, a rule matches nothing, or its type can't hold the rows.
Result<std::vector<const Format*>> choose_types(const gguf::File& file, const TypeMix& mix,
                                                std::span<const Rule> rules = {});

}  // namespace linnet::quantize
