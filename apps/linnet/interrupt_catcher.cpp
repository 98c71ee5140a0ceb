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

InterruptCatcher::InterruptCatcher(const std::vector<int>& signals, int flags) : flags_(flags) {
  interrupted = false;
  const struct sigaction wanted = action();
  for (const int signal : signals) {
    sigaction(signal, &wanted, &caught_.emplace_back(Caught{signal, {}}).before);
  }
}

struct sigaction InterruptCatcher::action() const {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = SA_RESTART | flags_;
  return action;
}

InterruptCatcher::~InterruptCatcher() {
  for (const Caught& caught : caught_) sigaction(caught.signal, &caught.before, nullptr);
}

InterruptCatcher::Pause::Pause(const InterruptCatcher& catcher) : catcher_(catcher) {
  for (const Caught& caught : catcher_.caught_) sigaction(caught.signal, &caught.before, nullptr);
}

InterruptCatcher::Pause::~Pause() {
  const struct sigaction wanted = catcher_.action();
  for (const Caught& caught : catcher_.caught_) sigaction(caught.signal, &wanted, nullptr);
}

bool InterruptCatcher::is_interrupted() const { return interrupted; }

void InterruptCatcher::forget() { interrupted = false; }

}  // namespace linnet::app
