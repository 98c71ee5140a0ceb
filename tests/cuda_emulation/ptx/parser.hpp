#pragma once

#include <memory>
#include <string_view>

#include "program.hpp"

namespace linnet::ptx {

/// A kernel from the name behind ".entry" to the brace that ends it. `text` and `variables` outlive
/// it. Gives up where something in it is not known.
std::unique_ptr<Kernel> parse_kernel(std::string_view text, const Variables& variables);

/// Adds the variables that `line` declares, if it declares any.
void parse_variable(std::string_view line, Variables& variables);

}  // namespace linnet::ptx
