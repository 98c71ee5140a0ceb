#include "linnet/interrupt_catcher.hpp"

#include <atomic>

namespace linnet::app {
namespace {

std::atomic<bool> interrupted{false};

}  // namespace

InterruptCatcher::InterruptCatcher() {
  interrupted = false;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  sigaction(SIGINT, &action, &before_);
}

InterruptCatcher::~InterruptCatcher() { sigaction(SIGINT, &before_, nullptr); }

bool InterruptCatcher::is_interrupted() const { return interrupted; }

}  // namespace linnet::app
