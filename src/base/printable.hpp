#pragma once

#include <string>
#include <string_view>

namespace linnet {

/// Text that anybody may have written, for one line of a message: control characters (also U+0080
/// to U+009F), marks that reverse the direction of what follows, and bytes that are not UTF-8 are
/// shown as '?', so that it stays on its line and cannot steer a terminal.
std::string printable(std::string_view text);

/// Text of several lines without the control characters that could steer a terminal: all but line
/// breaks and tabs.
std::string without_controls(std::string_view text);

}  // namespace linnet
