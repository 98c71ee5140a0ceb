#include "linnet/terminal/percent_line.hpp"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/utf8.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/terminal_columns.hpp"

namespace linnet::app {
namespace {

// A line that breaks could not be gone back to.
std::string fitting(const std::string& work) {
  constexpr std::string_view kMost = "...: 100 %";
  constexpr int kFewest = 8;
  const int room = terminal_columns() - 1 - static_cast<int>(kMost.size());
  return shortened(work, static_cast<std::size_t>(std::max(room, kFewest)));
}

}  // namespace

PercentLine::PercentLine(const std::string& work, End end)
    : work_(fitting(work)),
      end_(end),
      is_shown_(end == End::kStays ? isatty(STDERR_FILENO) == 1 : is_able_terminal(STDERR_FILENO)) {
}

void PercentLine::show(std::int64_t done, std::int64_t total) {
  if (!is_shown_) return;
  const auto percent =
      static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total));
  if (percent == percent_) return;
  percent_ = percent;
  note("\r{}: {} %", work_, percent);
}

void PercentLine::end() {
  if (percent_ < 0) return;
  percent_ = -1;
  write_note(end_ == End::kStays ? "\n" : kEraseLine);
}

}  // namespace linnet::app
