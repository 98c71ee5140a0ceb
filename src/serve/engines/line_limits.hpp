#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace linnet::serve {

/// Ends a text where a line does, for editors that show what comes in time and belongs to a block.
class LineLimits {
 public:
  struct Options {
    /// The text ends at a line, but for the first, with fewer spaces and tabs before it; what is
    /// before that line stays.
    std::int64_t least_indent = 0;
    /// The text ends with the line in which it has taken so long since its first token; 0: never.
    std::chrono::milliseconds most_time{0};
  };

  explicit LineLimits(const Options& options) : options_(options) {}

  /// The part of `text` that is within the limits; the first token came `seconds` ago.
  std::string push(std::string text, double seconds);
  /// Whether the text has ended so.
  bool has_ended() const { return has_ended_; }

 private:
  Options options_;
  bool is_before_line_ = false;  // since a newline there were only spaces and tabs
  std::int64_t indent_ = 0;      // how many of them
  bool has_ended_ = false;
};

}  // namespace linnet::serve
