#include "linnet/output_path.hpp"

namespace linnet::app {

Status check_replaces_no_input(const std::string& output,
                               std::initializer_list<std::filesystem::path> inputs) {
  for (const std::filesystem::path& input : inputs) {
    std::error_code absent;  // then it is no such file
    if (std::filesystem::equivalent(output, input, absent)) {
      return Error{output + ": is the file that is read, expected another name to write to"};
    }
  }
  return {};
}

}  // namespace linnet::app
