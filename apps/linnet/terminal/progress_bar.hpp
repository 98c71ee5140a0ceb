#pragma once

#include <chrono>

#include "hub/download.hpp"
#include "hub/transfer_rate.hpp"

namespace linnet::app {

/// Shows a download on stderr: a line that is drawn anew on a terminal, else one line in all, and
/// one more if it has to wait.
class ProgressBar {
 public:
  ProgressBar();
  /// Ends the line.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(const hub::Progress& progress);
  /// Takes the line away, so that something else can be printed.
  void clear();

 private:
  void announce(const hub::Progress& progress);
  void draw();

  const bool is_terminal_;
  bool is_drawn_ = false;
  bool is_announced_ = false;
  bool is_wait_announced_ = false;
  std::chrono::steady_clock::time_point drawn_at_;
  hub::Progress last_;
  hub::TransferRate rate_;
};

}  // namespace linnet::app
