#include "linnet/console.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
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

// Bytes of the control character at text[at]; 0 if it is none. U+0080 to U+009F are some, too.
std::size_t control_length(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7f) return 1;
  const bool is_c1 = byte == 0xc2 && at + 1 < text.size() &&
                     static_cast<unsigned char>(text[at + 1]) >= 0x80 &&
                     static_cast<unsigned char>(text[at + 1]) < 0xa0;
  return is_c1 ? 2 : 0;
}

std::string replace_controls(std::string_view text, std::string_view kept,
                             std::string_view replacement) {
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = control_length(text, at);
    if (length == 0 || kept.find(text[at]) != kept.npos) {
      shown += text[at++];
    } else {
      shown += replacement;
      at += length;
    }
  }
  return shown;
}

}  // namespace

Status write_output(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error == 0) return {};
  return Error{fmt::format("standard output cannot be written: {}", std::strerror(error))};
}

void write_note(std::string_view text) { write_all(STDERR_FILENO, text); }

std::string printable(std::string_view text) { return replace_controls(text, "", "?"); }

std::string without_controls(std::string_view text) { return replace_controls(text, "\n\t", ""); }

void fill_standard_streams() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free descriptor is the one that is missing.
    open("/dev/null", O_RDONLY);
  }
}

}  // namespace linnet::app
