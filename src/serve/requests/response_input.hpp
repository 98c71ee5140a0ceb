#pragma once

#include "serve/requests/media_parts.hpp"

namespace linnet::serve {

/// The messages of `instructions` and `input`, as chat completions have them; parts that stand for
/// pictures among them.
Json read_response_input(Fields& fields, MediaParts& media);

}  // namespace linnet::serve
