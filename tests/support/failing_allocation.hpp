#pragma once

#include <pthread.h>

namespace linnet::test {

/// While it lives, one allocation by `new` of `thread` throws std::bad_alloc: the one before which
/// there were `before` others. One at a time.
class FailingAllocation {
 public:
  FailingAllocation(pthread_t thread, int before);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  bool has_failed() const;
};

}  // namespace linnet::test
