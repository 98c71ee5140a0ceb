#pragma once

#include <csignal>

namespace linnet::app {

/// While one lives, Ctrl-C does not end the program but is remembered, so that work can stop and
/// clear away what is unfinished.
class InterruptCatcher {
 public:
  InterruptCatcher();
  ~InterruptCatcher();
  InterruptCatcher(const InterruptCatcher&) = delete;
  InterruptCatcher& operator=(const InterruptCatcher&) = delete;

  /// Whether Ctrl-C came since it was made.
  bool is_interrupted() const;

 private:
  struct sigaction before_ {};
};

}  // namespace linnet::app
