#include "linnet/terminal/progress_bar.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "hub/progress_line.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/terminal_columns.hpp"

namespace linnet::app {
namespace {

constexpr std::chrono::milliseconds kSpacing{100};

}  // namespace

ProgressBar::ProgressBar() : is_terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (!is_drawn_) return;
  draw();
  write_note("\n");
}

void ProgressBar::show(const hub::Progress& progress) {
  if (progress.total_bytes == 0 || progress.file.empty()) return;  // nothing to tell yet
  if (!is_terminal_) return announce(progress);
  const auto now = std::chrono::steady_clock::now();
  last_ = progress;
  rate_.add(now, progress.received_bytes);
  if (is_drawn_ && now - drawn_at_ < kSpacing) return;
  drawn_at_ = now;
  draw();
}

void ProgressBar::announce(const hub::Progress& progress) {
  if (progress.waiting) {
    if (!is_wait_announced_) {
      note("hub:     waiting for another process that downloads {}\n", printable(progress.file));
    }
    is_wait_announced_ = true;
    return;
  }
  if (!is_announced_) {
    note("hub:     downloading {}, {} in all\n", printable(progress.file),
         hub::size_text(progress.total_bytes));
  }
  is_announced_ = true;
}

void ProgressBar::draw() {
  // Carriage return, the line, and erase what an earlier one left to the right of it.
  note("\r{}\x1b[K", hub::progress_line(last_, rate_, terminal_columns() - 1));
  is_drawn_ = true;
}

void ProgressBar::clear() {
  if (is_drawn_) write_note("\r\x1b[K");
  is_drawn_ = false;
}

}  // namespace linnet::app
