#include "linnet/percent_line.hpp"

#include <unistd.h>

#include <utility>

#include "linnet/console.hpp"

namespace linnet::app {

PercentLine::PercentLine(std::string work, End end)
    : work_(std::move(work)),
      end_(end),
      is_shown_(end == End::kStays ? isatty(STDERR_FILENO) == 1 : is_able_terminal(STDERR_FILENO)) {
}

void PercentLine::show(std::int64_t done, std::int64_t total) {
  const auto percent =
      static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total));
  if (!is_shown_ || percent == percent_) return;
  percent_ = percent;
  note("\r{}: {} %", work_, percent);
}

void PercentLine::end() {
  if (percent_ < 0) return;
  percent_ = -1;
  write_note(end_ == End::kStays ? "\n" : kEraseLine);
}

}  // namespace linnet::app
