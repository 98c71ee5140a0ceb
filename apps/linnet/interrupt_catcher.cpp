#include "linnet/interrupt_catcher.hpp"

#include <atomic>

namespace linnet::app {
namespace {

std::atomic<bool> interrupted{false};

}  // namespace

InterruptCatcher::InterruptCatcher()
    : InterruptCatcher({SIGINT, SIGTERM}, static_cast<int>(SA_RESETHAND)) {}

InterruptCatcher::InterruptCatcher(const std::vector<int>& signals)
    : InterruptCatcher(signals, 0) {}

InterruptCatcher::InterruptCatcher(const std::vector<int>& signals, int flags) {
  interrupted = false;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = SA_RESTART | flags;
  for (const int signal : signals) {
    sigaction(signal, &action, &caught_.emplace_back(Caught{signal, {}}).before);
  }
}

InterruptCatcher::~InterruptCatcher() {
  for (const Caught& caught : caught_) sigaction(caught.signal, &caught.before, nullptr);
}

bool InterruptCatcher::is_interrupted() const { return interrupted; }

void InterruptCatcher::forget() { interrupted = false; }

}  // namespace linnet::app
