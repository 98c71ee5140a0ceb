#include "hub/transfer_rate.hpp"

namespace linnet::hub {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWindow{8000};
constexpr milliseconds kSpacing{250};  // so that the window holds a few samples only
constexpr milliseconds kLeast{1000};   // before this, a rate is noise

}  // namespace

void TransferRate::add(Clock::time_point now, std::uint64_t received_bytes) {
  // The last sample is always the present; it is kept for good when it is far enough from the one
  // before it.
  if (samples_.size() > 1 && samples_.back().time - samples_[samples_.size() - 2].time < kSpacing) {
    samples_.pop_back();
  }
  samples_.push_back({now, received_bytes});
  while (samples_.size() > 2 && now - samples_.front().time > kWindow) samples_.pop_front();
}

double TransferRate::bytes_per_second() const {
  if (samples_.size() < 2) return 0.0;
  const auto time = samples_.back().time - samples_.front().time;
  if (time < kLeast || samples_.back().bytes < samples_.front().bytes) return 0.0;
  const double bytes = static_cast<double>(samples_.back().bytes - samples_.front().bytes);
  return bytes / std::chrono::duration<double>(time).count();
}

std::optional<std::chrono::seconds> TransferRate::remaining(std::uint64_t left_bytes) const {
  const double rate = bytes_per_second();
  const double seconds = rate > 0.0 ? static_cast<double>(left_bytes) / rate : 1e9;
  if (seconds >= 1e9) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(seconds) + 1);
}

}  // namespace linnet::hub
