#include "generate/sampling/parameter_table.hpp"

#include <type_traits>

namespace linnet {

void assign(const SamplingParameter& parameter, double value, SamplingParams& params) {
  const auto set = [&](auto member) {
    params.*member = static_cast<std::remove_reference_t<decltype(params.*member)>>(value);
  };
  std::visit(set, parameter.member);
}

}  // namespace linnet
