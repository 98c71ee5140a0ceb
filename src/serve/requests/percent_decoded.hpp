#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace linnet::serve {

/// With the bytes that %2F and the like stand for; what is no such code stays as it is.
std::string percent_decoded(std::string_view text);

/// The value of the first field `name` of a query, as a=1&b=2; nothing if there is none.
std::optional<std::string> query_field(std::string_view query, std::string_view name);

}  // namespace linnet::serve
