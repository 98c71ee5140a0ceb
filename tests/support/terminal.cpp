#include "support/terminal.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <utility>

#include "support/paths.hpp"

namespace linnet::test {

Terminal::Terminal(const std::vector<std::string>& arguments,
                   const std::vector<std::string>& environment, unsigned short rows,
                   unsigned short columns) {
  // All that allocates happens before fork: other threads of the test may hold a lock.
  std::vector<std::string> words = {program()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv, variables;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> settings = environment;
  for (const char* const setting : {"TERM=xterm", "LC_ALL=C.UTF-8"}) settings.push_back(setting);
  for (std::string& setting : settings) variables.push_back(setting.data());
  variables.push_back(nullptr);
  winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  process_ = forkpty(&master_, nullptr, nullptr, &size);
  if (process_ != 0) return;
  execve(argv[0], argv.data(), variables.data());
  _exit(127);
}

Terminal::~Terminal() {
  keep_recording();
  hang_up();
  if (process_ <= 0) return;
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

void Terminal::press(std::string_view keys) {
  wait_for_editor();
  type(keys);
}

void Terminal::type(std::string_view text) {
  ASSERT_EQ(write(master_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

std::string Terminal::wait_for(std::string_view text) {
  std::size_t at;
  while ((at = screen_.find(text, seen_)) == std::string::npos) {
    if (read_some()) continue;
    ADD_FAILURE() << "waited for: " << text << "\nfound: " << screen_.substr(seen_);
    return {};
  }
  const std::size_t begin = std::exchange(seen_, at + text.size());
  return screen_.substr(begin, seen_ - begin);
}

void Terminal::hang_up() {
  if (master_ >= 0) close(master_);
  master_ = -1;
}

int Terminal::wait() {
  while (master_ >= 0 && read_some()) {
  }
  int status = 0;
  pid_t ended = 0;
  for (int i = 0; i < kPatience_ms && ended == 0; ++i) {
    ended = waitpid(process_, &status, WNOHANG);
    if (ended == 0) usleep(1000);
  }
  if (ended == 0) {
    kill(process_, SIGKILL);
    waitpid(process_, &status, 0);
  }
  process_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Terminal::wait_for_editor() const {
  termios settings{};
  for (int i = 0; i < kPatience_ms; ++i) {
    if (tcgetattr(master_, &settings) == 0 && (settings.c_lflag & ICANON) == 0) return;
    usleep(1000);
  }
  ADD_FAILURE() << "the program does not wait for a line";
}

bool Terminal::read_some() {
  pollfd ready{master_, POLLIN, 0};
  if (poll(&ready, 1, kPatience_ms) <= 0) return false;
  char buffer[4096];
  const ssize_t count = read(master_, buffer, sizeof buffer);
  if (count > 0) screen_.append(buffer, static_cast<std::size_t>(count));
  return count > 0;
}

void Terminal::keep_recording() const {
  const char* const folder = std::getenv("LINNET_RECORDINGS");
  if (!folder) return;
  const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
  std::ofstream(std::string(folder) + "/" + test->name(), std::ios::app) << screen_;
}

}  // namespace linnet::test
