#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace linnet::test {

/// The program under test in a terminal (a pseudo-terminal), as a person sits before
/// it. Where the variable LINNET_RECORDINGS names a folder, what came to the screen is kept there
/// in a file with the name of the test. It is killed at the end.
class Terminal {
 public:
  Terminal(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
           unsigned short rows = 40, unsigned short columns = 100);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Types `text` and Enter when the program waits for a line: keys that are pressed before mean
  /// what the terminal makes of them.
  void enter(const std::string& text) { press(text + "\r"); }
  void press(std::string_view keys);
  /// Types at once.
  void type(std::string_view text);

  /// Waits until `text` has come since the last call; gives what came up to it. Fails the test
  /// where the program ends or gives nothing for a minute.
  std::string wait_for(std::string_view text);

  /// Closes the window.
  void hang_up();

  /// The exit status, or 128 + the signal that ended it. It is killed where that takes a minute.
  int wait();

 private:
  static constexpr int kPatience_ms = 60000;

  // Until the terminal hands single keys over.
  void wait_for_editor() const;

  bool read_some();

  void keep_recording() const;

  int master_ = -1;
  pid_t process_ = 0;
  std::string screen_;
  std::size_t seen_ = 0;
};

}  // namespace linnet::test
