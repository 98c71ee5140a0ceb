#pragma once

#include <csignal>
#include <vector>

namespace linnet::app {

/// While one lives, Ctrl-C does not end the program but is remembered, so that work can stop and
/// clear away what is unfinished. One at a time.
class InterruptCatcher {
 public:
  /// SIGINT and SIGTERM, of which a second one ends the program, should it be in the middle of
  /// something long; and SIGHUP, of which a terminal that is closed may send several. Of these and
  /// the ones below those that the program was started to ignore (nohup) stay ignored.
  InterruptCatcher();
  /// `signals`, however often they come.
  explicit InterruptCatcher(const std::vector<int>& signals);
  ~InterruptCatcher();
  InterruptCatcher(const InterruptCatcher&) = delete;
  InterruptCatcher& operator=(const InterruptCatcher&) = delete;

  /// While one lives, the signals do again what they did before the catcher was made.
  class Pause {
   public:
    explicit Pause(const InterruptCatcher& catcher);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    const InterruptCatcher& catcher_;
  };

  bool is_interrupted() const;  ///< since it was made, or since forget()
  void forget();

 private:
  struct Caught {
    int signal, flags;
    struct sigaction before;
  };
  void catch_signal(int signal, int flags);
  static void set_action(const Caught& caught);

  std::vector<Caught> caught_;
};

}  // namespace linnet::app
