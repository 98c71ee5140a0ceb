#pragma once

#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

namespace linnet::test {

/// The program under test as a process of its own, its output in files.
class BackgroundProgram {
 public:
  BackgroundProgram(const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& environment);

  pid_t id() const { return id_; }
  std::string out() const { return read_file(folder_ / "out"); }
  std::string error() const { return read_file(folder_ / "error"); }

  /// Its exit status, or minus the signal that ended it. Call it once.
  int wait();

 private:
  TemporaryFolder folder_;
  pid_t id_ = -1;
};

}  // namespace linnet::test
