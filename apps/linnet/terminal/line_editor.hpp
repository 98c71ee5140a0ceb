#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace linnet::app {

/// Where the lines of a conversation come from. Belongs to one thread.
class LineSource {
 public:
  virtual ~LineSource() = default;
  /// The next line without its end, which may hold line breaks; nothing at the end of the input. An
  /// Error if it can't be read.
  virtual Result<std::optional<std::string>> read(const std::string& prompt) = 0;
};

/// What a line that begins so may become, as complete_chat_line().
using CompleteLine = std::vector<std::string> (*)(std::string_view line);

/// Lines of a terminal, edited with the keys of Emacs or as ~/.editrc says, with a history that is
/// kept in `history_path` (empty: not kept). Pasted text arrives as one line, whatever breaks it
/// has. Ctrl-C gives the line up, Ctrl-D on an empty line ends the input, Tab asks `complete`. Null
/// if the terminal can't be edited on.
std::unique_ptr<LineSource> make_line_editor(const std::filesystem::path& history_path,
                                             CompleteLine complete);

/// Lines of standard input as they are, without a prompt.
std::unique_ptr<LineSource> make_plain_lines();

/// A line that ends with a backslash goes on in the next one.
Result<std::optional<std::string>> read_message(LineSource& source);

}  // namespace linnet::app
