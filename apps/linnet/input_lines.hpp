#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace linnet::app {

/// The longest text that is read from a file, standard input or a line of it. Its tokens take up to
/// 35 times as much memory while they are found.
inline constexpr std::int64_t kLongestTextBytes = 64 << 20;

/// The text of a file, or of standard input if `path` is -. An Error if it is longer than
/// kLongestTextBytes or can't be read.
Result<std::string> read_text(const std::string& path);

/// Whether standard input is a pipe or a file, which a caller gives on purpose. Terminals, sockets
/// and /dev/null are what a program has by chance.
bool is_input_piped();

/// All of standard input, which must be as read_text() has it. If nothing comes for a second, a
/// line on stderr says that `what` is waited for.
Result<std::string> read_input(std::string_view what);

/// `text` without its last line's end (LF or CR LF), which editors and `echo` write.
std::string without_last_newline(std::string text);

/// The file of that name, or `argument` itself if it is a text with `mark` in it. An Error if
/// it is neither.
Result<std::string> file_or_text(const std::string& argument, std::string_view mark);

/// Standard input line by line. Belongs to one thread; there should be one of them in a process.
class InputLines {
 public:
  /// The next line without its end (LF or CR LF); nothing at the end of the input. An Error if
  /// the input can't be read or the line is longer than kLongestTextBytes.
  Result<std::optional<std::string>> next();

 private:
  Status read_more();

  std::string buffer_;
  std::size_t begin_ = 0;  // of what was not given yet, in buffer_
  std::int64_t number_ = 0;
  bool ended_ = false, is_beginning_ = true;
};

/// All lines of standard input, each a text. An Error if they take more memory than
/// kLongestTextBytes, though each be short.
Result<std::vector<std::string>> read_lines();

/// Gives each line of standard input to `answer` and prints what that gives, as a line: JSON, and
/// {"error": ...} for an Error. Ends where the input can't be read or the output not be written.
Status answer_lines(const std::function<Result<std::string>(const std::string& line)>& answer);

}  // namespace linnet::app
