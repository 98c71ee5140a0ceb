#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

namespace linnet::app {

/// How wide the terminal is that standard error goes to; 80 if that is not known.
inline int terminal_columns() {
  constexpr int kUsual = 80;
  winsize size{};
  const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : kUsual;
}

}  // namespace linnet::app
