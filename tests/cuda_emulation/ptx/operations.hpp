#pragma once

#include <string_view>
#include <utility>

#include "program.hpp"

namespace linnet::ptx {

struct NamedOperation {
  std::string_view name;
  Operation run;
  Flow flow = Flow::kNext;
};

/// What the instruction of that name does; run is null where it is not known.
NamedOperation find_operation(std::string_view name);

}  // namespace linnet::ptx
