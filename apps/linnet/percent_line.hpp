#pragma once

#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "linnet/console.hpp"

namespace linnet::app {

/// Percent of some long work that are done, on one line of a terminal; nothing elsewhere.
class PercentLine {
 public:
  /// `work` says what is done, as "writing". It must outlive the line.
  explicit PercentLine(std::string_view work) : work_(work) {}
  ~PercentLine() {
    if (percent_ >= 0) note("\n");
  }
  void show(std::int64_t done, std::int64_t total) {
    const auto percent =
        static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total));
    if (!is_terminal_ || percent == percent_) return;
    percent_ = percent;
    note("\r{}: {} %", work_, percent);
  }

 private:
  const std::string_view work_;
  const bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  int percent_ = -1;
};

}  // namespace linnet::app
