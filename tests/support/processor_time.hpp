#pragma once

#include <ctime>

namespace linnet::test {

/// Processor time that this thread has had: what else the machine does is no part of it. For tests
/// of what took a time that grew with the square of something, with bounds that only that exceeds.
inline double processor_time_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace linnet::test
