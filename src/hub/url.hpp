#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace linnet::hub {

/// Scheme, host and port of an http or https address, in a form that can be compared; nothing for
/// any other address.
std::optional<std::string> origin_of(const std::string& url);

/// Where an answer from `url` with `Location: location` leads. An Error for what is not followed:
/// other schemes than http and https, and from https to http.
Result<std::string> redirected(const std::string& url, const std::string& location);

/// `text` with all bytes but letters, digits and "-._~" as %XX; slashes stay if `keep_slashes`.
std::string percent_encoded(std::string_view text, bool keep_slashes);

/// `text` from the network or a file, made safe to show on a terminal: control characters become
/// '?', and it is cut after `most` bytes.
std::string shown(std::string_view text, std::size_t most = 200);

/// An address, shown in the same way without what may be a secret: user, password, query.
std::string shown_address(const std::string& url);

}  // namespace linnet::hub
