#pragma once

#include <string_view>

#include "base/result.hpp"
#include "serve/api_error.hpp"

namespace linnet::serve {

/// The parts of a body of multipart/form-data (https://www.rfc-editor.org/rfc/rfc7578) as fields of
/// an object: texts as they are, but for numbers, true and false, which form fields can't tell from
/// texts, where the field is none that always has a text (`prompt`); files as base64. At most 64
/// parts; of several with a name the last one counts. An Error says what is wrong. A body that
/// begins with a brace is JSON, for parse_body().
Result<Json> parse_multipart(std::string_view body);

}  // namespace linnet::serve
