#pragma once

#include <csignal>

namespace linnet::app {

/// The signals of a server, which end it; SIGHUP may ask it to read files again instead. While one
/// lives, they are blocked in this thread and in those that begin after it.
class ServerSignals {
 public:
  /// `reloads`: there are files to read again.
  explicit ServerSignals(bool reloads);
  ~ServerSignals();
  ServerSignals(const ServerSignals&) = delete;
  ServerSignals& operator=(const ServerSignals&) = delete;

  enum class Request { kReload, kEnd };
  /// Waits for the next signal. After kEnd SIGHUP means nothing any more.
  Request wait() const;

  /// From now on, one that ends the server ends the program at once; until they are blocked again.
  void let_end() const;
  void block() const;

 private:
  bool ends_by_hangup() const;

  const bool reloads_;
  const bool ignores_hangup_;  // as nohup wants it
  const bool had_terminal_;
  sigset_t awaited_, before_;
};

}  // namespace linnet::app
