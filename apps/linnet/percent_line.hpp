#pragma once

#include <unistd.h>

#include <cstdint>

#include "linnet/console.hpp"

namespace linnet::app {

/// Percent of a file that is being written, on one line of a terminal; nothing elsewhere.
class PercentLine {
 public:
  ~PercentLine() {
    if (percent_ >= 0) note("\n");
  }
  void show(std::int64_t done_bytes, std::int64_t total_bytes) {
    const auto percent = static_cast<int>(100.0 * static_cast<double>(done_bytes) /
                                          static_cast<double>(total_bytes));
    if (!is_terminal_ || percent == percent_) return;
    percent_ = percent;
    note("\rwriting {} MiB: {} %", total_bytes >> 20, percent);
  }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  int percent_ = -1;
};

}  // namespace linnet::app
