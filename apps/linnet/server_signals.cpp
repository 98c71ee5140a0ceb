#include "linnet/server_signals.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace linnet::app {
namespace {

// Whether there is a terminal whose signals this process gets. There is none behind the hangup that
// a closed window or a lost connection is.
bool has_terminal() {
  const int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (terminal >= 0) close(terminal);
  return terminal >= 0;
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

ServerSignals::ServerSignals(bool reloads)
    : reloads_(reloads), ignores_hangup_(is_ignored(SIGHUP)), had_terminal_(has_terminal()) {
  sigemptyset(&awaited_);
  sigaddset(&awaited_, SIGTERM);
  // One that is blocked is waited for even if it is ignored.
  if (!is_ignored(SIGINT)) sigaddset(&awaited_, SIGINT);
  if (reloads_ || !ignores_hangup_) sigaddset(&awaited_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &awaited_, &before_);
}

ServerSignals::~ServerSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool ServerSignals::ends_by_hangup() const {
  if (ignores_hangup_) return false;
  return !reloads_ || (had_terminal_ && !has_terminal());
}

ServerSignals::Request ServerSignals::wait() const {
  int signal = 0;
  const bool is_hangup = sigwait(&awaited_, &signal) == 0 && signal == SIGHUP;
  if (is_hangup && !ends_by_hangup()) return Request::kReload;
  std::signal(SIGHUP, SIG_IGN);  // of a window that is closed, system and shell send one each
  return Request::kEnd;
}

void ServerSignals::let_end() const {
  sigset_t ends = awaited_;
  if (reloads_) sigdelset(&ends, SIGHUP);
  pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
}

void ServerSignals::block() const { pthread_sigmask(SIG_BLOCK, &awaited_, nullptr); }

}  // namespace linnet::app
