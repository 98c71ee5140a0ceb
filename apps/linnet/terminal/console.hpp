#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/printable.hpp"
#include "base/result.hpp"

namespace linnet::app {

/// Writes all of `text` to standard output without delay; an Error says why it cannot be written (a
/// closed pipe, a full disk).
Status write_output(std::string_view text);

/// Writes to standard error. Nobody can be told if that fails, so failures are passed over.
void write_note(std::string_view text);

template <class... Arguments>
void note(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write_note(fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Whether it is a terminal that knows more than lines of text.
bool is_able_terminal(int descriptor);

/// Whether dim text may be written there: to a terminal that knows it and a user who wants it
/// (https://no-color.org).
bool has_styles(int descriptor);

/// Goes to the beginning of the line of a terminal and erases it.
inline constexpr std::string_view kEraseLine = "\r\x1b[K";

/// A line on standard error that says what the program waits for, and goes when that is done;
/// nothing if standard error is no terminal.
class PassingNote {
 public:
  explicit PassingNote(std::string_view text);
  ~PassingNote();
  PassingNote(const PassingNote&) = delete;
  PassingNote& operator=(const PassingNote&) = delete;

 private:
  const bool is_shown_;
};

/// Puts placeholders where the caller closed a standard stream, so that no file which is opened
/// later is taken for one. A missing input is an empty one; writing to a placeholder fails.
void fill_standard_streams();

}  // namespace linnet::app
