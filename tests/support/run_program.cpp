#include "support/run_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/paths.hpp"

namespace linnet::test {

Program::Program(const std::vector<std::string>& arguments, const Streams& streams) {
  write_file(folder_ / "in", streams.input);
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return;
  output_ = pipe_ends[0];
  if (streams.pipe_bytes > 0) fcntl(output_, F_SETPIPE_SZ, streams.pipe_bytes);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::string in =
      streams.input_path.empty() ? (folder_ / "in").string() : streams.input_path;
  const std::string err =
      streams.error_path.empty() ? (folder_ / "err").string() : streams.error_path;
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 1);
  if (!streams.output_path.empty()) {
    posix_spawn_file_actions_addopen(&actions, 1, streams.output_path.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  for (const int descriptor : streams.closed) {
    posix_spawn_file_actions_addclose(&actions, descriptor);
  }
  spawn(arguments, streams.environment, actions);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
}

Program::~Program() {
  close_output();
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

std::string Program::read_some() {
  pollfd ready{output_, POLLIN, 0};
  if (poll(&ready, 1, /*milliseconds=*/300'000) <= 0) {
    ::kill(process_, SIGKILL);
    return {};
  }
  char buffer[4096];
  const ssize_t count = read(output_, buffer, sizeof buffer);
  return count > 0 ? std::string(buffer, static_cast<std::size_t>(count)) : std::string();
}

void Program::close_output() {
  if (output_ >= 0) close(output_);
  output_ = -1;
}

Ended Program::wait() {
  Ended ended;
  if (process_ <= 0) return ended;
  while (output_ >= 0) {
    const std::string more = read_some();
    if (more.empty()) break;
    ended.out += more;
  }
  int status = 0;
  waitpid(process_, &status, 0);
  process_ = 0;
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ended.err = read_file(folder_ / "err");
  return ended;
}

void Program::spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& more,
                    const posix_spawn_file_actions_t& actions) {
  std::vector<std::string> words = {program()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv, variables;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> added = more;
  for (std::string& variable : added) variables.push_back(variable.data());
  for (char** variable = environ; *variable; ++variable) variables.push_back(*variable);
  variables.push_back(nullptr);
  if (posix_spawn(&process_, words[0].c_str(), &actions, nullptr, argv.data(), variables.data()) !=
      0) {
    process_ = 0;
  }
}

Ended run_program(const std::vector<std::string>& arguments, const Streams& streams) {
  return Program(arguments, streams).wait();
}

}  // namespace linnet::test
