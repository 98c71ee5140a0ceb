#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace linnet::app {

/// Writes all of `text` to standard output without delay; an Error says why it cannot be written (a
/// closed pipe, a full disk).
Status write_output(std::string_view text);

/// Writes to standard error. Nobody can be told where that fails, so failures are passed over.
void write_note(std::string_view text);

template <class... Arguments>
void note(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write_note(fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Text from a file with its control characters shown as '?', so that it stays on its line and
/// cannot steer a terminal.
std::string printable(std::string_view text);

/// Text of several lines without the control characters that could steer a terminal: all but line
/// breaks and tabs.
std::string without_controls(std::string_view text);

/// Puts placeholders where the caller closed a standard stream, so that no file which is opened
/// later is taken for one. A missing input is an empty one; writing to a placeholder fails.
void fill_standard_streams();

}  // namespace linnet::app
