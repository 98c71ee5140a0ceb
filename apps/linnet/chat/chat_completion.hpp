#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace linnet::app {

/// What a line of a conversation that begins with `line` may become with its last word completed,
/// in order: the name of a command, of a file after one that takes a file, of a sampling
/// parameter. Folders end in a slash, all else in a space. Nothing for lines that are no commands.
std::vector<std::string> complete_chat_line(std::string_view line);

}  // namespace linnet::app
