#include "support/background_program.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/paths.hpp"

namespace linnet::test {

BackgroundProgram::BackgroundProgram(const std::vector<std::string>& arguments,
                                     const std::map<std::string, std::string>& environment) {
  // All that allocates happens before fork: other threads of the test may hold a lock.
  std::vector<std::string> words = {program()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> settings;
  for (const auto& [name, value] : environment) settings.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (std::string& setting : settings) envp.push_back(setting.data());
  envp.push_back(nullptr);
  const int out = open((folder_ / "out").c_str(), O_WRONLY | O_CREAT, 0600);
  const int error = open((folder_ / "error").c_str(), O_WRONLY | O_CREAT, 0600);
  id_ = fork();
  if (id_ == 0) {
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  close(out);
  close(error);
}

int BackgroundProgram::wait() {
  int status = 0;
  waitpid(id_, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace linnet::test
