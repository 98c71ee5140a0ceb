#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace linnet::hub {

/// How fast bytes come, over the last few seconds.
class TransferRate {
 public:
  using Clock = std::chrono::steady_clock;

  /// `received_bytes` in all at `now`; call it often, with growing times.
  void add(Clock::time_point now, std::uint64_t received_bytes);

  /// 0 in the first second.
  double bytes_per_second() const;
  /// For `left_bytes` more at this rate; nothing while the rate is 0.
  std::optional<std::chrono::seconds> remaining(std::uint64_t left_bytes) const;

 private:
  struct Sample {
    Clock::time_point time;
    std::uint64_t bytes;
  };
  std::deque<Sample> samples_;  // of the window, the oldest first
};

}  // namespace linnet::hub
