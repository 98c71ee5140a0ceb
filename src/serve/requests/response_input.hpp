#pragma once

#include "serve/requests/json_request.hpp"

namespace linnet::serve {

/// The messages of `instructions` and `input`, as chat completions have them.
Json read_response_input(Fields& fields);

}  // namespace linnet::serve
