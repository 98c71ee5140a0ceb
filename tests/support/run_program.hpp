#pragma once

#include <signal.h>
#include <spawn.h>

#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

namespace linnet::test {

/// How a program ended: its exit status, or 128 + the signal that ended it.
struct Ended {
  int status = -1;
  std::string out, err;
};

/// The standard streams that a program is given.
struct Streams {
  std::string input = {};        ///< what standard input holds
  std::string output_path = {};  ///< a file for standard output instead of a pipe
  std::vector<int> closed = {};  ///< descriptors that are closed, as `>&-` does
  int pipe_bytes = 0;            ///< capacity of the pipe behind standard output, if not 0
  std::string error_path = {};   ///< a file for standard error instead of Ended::err
  std::string input_path = {};   ///< a file for standard input instead of `input`
  std::vector<std::string> environment = {};  ///< "NAME=VALUE" besides the test's own
};

/// The program under test as a user would start it. It is killed at the end, and
/// where it gives nothing for five minutes.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments, const Streams& streams = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Waits for some of its output; empty at the end of it.
  std::string read_some();

  /// Nobody reads its output any more.
  void close_output();

  void signal(int number) const { ::kill(process_, number); }

  /// Reads the rest of its output and waits for its end.
  Ended wait();

 private:
  void spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& more,
             const posix_spawn_file_actions_t& actions);

  TemporaryFolder folder_;
  pid_t process_ = 0;
  int output_ = -1;
};

/// Runs the program to its end.
Ended run_program(const std::vector<std::string>& arguments, const Streams& streams = {});

}  // namespace linnet::test
