#include "generate/sampling/is_greedy.hpp"

namespace linnet {

bool is_greedy(const SamplingParams& params) {
  const bool has_dynamic_temperature = params.dynamic_range > 0.0f && params.mirostat == 0;
  return !(params.temperature > 0.0f) && !has_dynamic_temperature;
}

}  // namespace linnet
