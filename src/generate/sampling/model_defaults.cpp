#include "generate/sampling/model_defaults.hpp"

#include <fmt/format.h>

#include "generate/sampling/parameter_table.hpp"

namespace linnet {
namespace {

template <class Number>
Status take(const Result<std::optional<Number>>& value, const std::string& key,
            const SamplingParameter& parameter, const gguf::File& file, SamplingParams& params) {
  if (!value) return value.error();
  if (!*value) return {};
  const auto number = static_cast<double>(**value);
  if (number < parameter.low || number > parameter.high) {
    return Error{fmt::format("{}: {} is {}, expected {} to {}", file.path().string(), key, **value,
                             parameter.low, parameter.high)};
  }
  assign(parameter, number, params);
  return {};
}

}  // namespace

Result<SamplingParams> model_sampling_defaults(const gguf::File& file) {
  SamplingParams params;
  for (const SamplingParameter& parameter : kSamplingParameters) {
    if (parameter.key.empty()) continue;
    const std::string key = fmt::format("general.sampling.{}", parameter.key);
    const Status status = parameter.is_whole()
                              ? take(file.integer(key), key, parameter, file, params)
                              : take(file.number(key), key, parameter, file, params);
    if (!status) return status.error();
  }
  return params;
}

}  // namespace linnet
