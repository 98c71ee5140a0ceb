#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "generate/sampling/parameter_table.hpp"

namespace linnet::app {

/// Sets one parameter by the name of its option, or `seed`, as `/params NAME VALUE` does. An Error
/// names what may be set, or the range.
Status set_parameter(SamplingParams& params, std::string_view name, std::string_view value);

/// The parameters that do something, as "temp 0.8, top-k 40, seed 7".
std::string describe_parameters(const SamplingParams& params);

}  // namespace linnet::app
