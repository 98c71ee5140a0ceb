#pragma once

#include <cstdint>
#include <string>

namespace linnet::app {

/// Percent of some long work that are done, on one line of standard error; nothing if that is no
/// terminal.
class PercentLine {
 public:
  /// Whether the line is still there when the work is done.
  enum class End { kStays, kPasses };

  /// `work` says what is done, as "writing".
  explicit PercentLine(const std::string& work, End end = End::kStays);
  ~PercentLine() { end(); }
  PercentLine(const PercentLine&) = delete;
  PercentLine& operator=(const PercentLine&) = delete;

  void show(std::int64_t done, std::int64_t total);
  /// The work is done, before this ends.
  void end();

 private:
  const std::string work_;
  const End end_;
  const bool is_shown_;
  int percent_ = -1;  // what is shown; -1: nothing
};

}  // namespace linnet::app
