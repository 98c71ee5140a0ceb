#include "linnet/terminal/console.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace linnet::app {
namespace {

// 0, or what errno says.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

Status write_output(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error == 0) return {};
  return Error{fmt::format("standard output cannot be written: {}", std::strerror(error))};
}

void write_note(std::string_view text) { write_all(STDERR_FILENO, text); }

bool is_able_terminal(int descriptor) {
  const char* const variable = std::getenv("TERM");
  const std::string_view kind = variable ? variable : "";
  return isatty(descriptor) == 1 && !kind.empty() && kind != "dumb";
}

bool has_styles(int descriptor) {
  const char* const refused = std::getenv("NO_COLOR");
  return is_able_terminal(descriptor) && !(refused && *refused);
}

PassingNote::PassingNote(std::string_view text) : is_shown_(is_able_terminal(STDERR_FILENO)) {
  if (is_shown_) write_note(text);
}

PassingNote::~PassingNote() {
  if (is_shown_) write_note(kEraseLine);
}

void fill_standard_streams() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free descriptor is the one that is missing.
    open("/dev/null", O_RDONLY);
  }
}

}  // namespace linnet::app
