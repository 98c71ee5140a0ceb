#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace linnet::test {

/// Waits until `condition` holds, looking every 10 ms; false where that takes longer than `most`.
inline bool becomes(const std::function<bool()>& condition,
                    std::chrono::milliseconds most = std::chrono::minutes(1)) {
  constexpr std::chrono::milliseconds kLook{10};
  for (auto waited = kLook; waited <= most; waited += kLook) {
    if (condition()) return true;
    std::this_thread::sleep_for(kLook);
  }
  return false;
}

}  // namespace linnet::test
