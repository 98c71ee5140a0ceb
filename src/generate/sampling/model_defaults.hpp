#pragma once

#include "generate/sampling/params.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet {

/// What the makers of a model recommend: its metadata `general.sampling.*`; elsewhere the values of
/// SamplingParams. Errors name a key of a wrong type or a value outside its range.
Result<SamplingParams> model_sampling_defaults(const gguf::File& file);

}  // namespace linnet
