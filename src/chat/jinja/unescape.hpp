#pragma once

#include <string>
#include <string_view>

namespace linnet::jinja {

/// What a string literal stands for, as Python's: \n, \x41, \u0041, \101. Unknown escapes stay.
std::string unescape(std::string_view literal);

}  // namespace linnet::jinja
