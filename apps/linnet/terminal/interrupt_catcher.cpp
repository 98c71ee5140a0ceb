#include "linnet/terminal/interrupt_catcher.hpp"

#include <atomic>

namespace linnet::app {
namespace {

std::atomic<bool> interrupted{false};

}  // namespace

InterruptCatcher::InterruptCatcher() {
  interrupted = false;
  for (const int signal : {SIGINT, SIGTERM}) catch_signal(signal, static_cast<int>(SA_RESETHAND));
  catch_signal(SIGHUP, 0);
}

InterruptCatcher::InterruptCatcher(const std::vector<int>& signals) {
  interrupted = false;
  for (const int signal : signals) catch_signal(signal, 0);
}

void InterruptCatcher::catch_signal(int signal, int flags) {
  Caught caught{signal, flags, {}};
  sigaction(signal, nullptr, &caught.before);
  if (caught.before.sa_handler == SIG_IGN) return;
  set_action(caught);
  caught_.push_back(caught);
}

void InterruptCatcher::set_action(const Caught& caught) {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = SA_RESTART | caught.flags;
  sigaction(caught.signal, &action, nullptr);
}

InterruptCatcher::~InterruptCatcher() {
  for (const Caught& caught : caught_) sigaction(caught.signal, &caught.before, nullptr);
}

InterruptCatcher::Pause::Pause(const InterruptCatcher& catcher) : catcher_(catcher) {
  for (const Caught& caught : catcher_.caught_) sigaction(caught.signal, &caught.before, nullptr);
}

InterruptCatcher::Pause::~Pause() {
  for (const Caught& caught : catcher_.caught_) set_action(caught);
}

bool InterruptCatcher::is_interrupted() const { return interrupted; }

void InterruptCatcher::forget() { interrupted = false; }

}  // namespace linnet::app
