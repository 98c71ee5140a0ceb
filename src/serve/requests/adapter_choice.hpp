#pragma once

#include <vector>

#include "serve/requests/json_request.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// How much of each adapter of `model` a request wants. As for llama.cpp's server, `lora`
/// is a list of {id, scale}; the others are off. Without it, `named` (may be null) is on
/// alone: the adapter whose name the request gave for that of a model. Empty: it says
/// nothing.
ApiResult<std::vector<float>> read_adapters(const Json& body, const ServedModel& model,
                                            const ServedAdapter* named);

}  // namespace linnet::serve
