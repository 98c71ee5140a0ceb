#include "linnet/options/output_path.hpp"

#include "base/new_file.hpp"
#include "hub/repo_file.hpp"

namespace linnet::app {

CLI::Option* add_output_option(CLI::App& app, std::string& path) {
  const auto check = [](const std::string& name) {
    return name == "-" ? "-: expected the name of a file, as it is not written to standard output"
                       : std::string();
  };
  return app.add_option("out", path, "GGUF file to write")
      ->type_name("FILE")
      ->check(CLI::Validator(check, ""));
}

Status check_replaces_no_input(const std::string& output,
                               std::initializer_list<std::filesystem::path> inputs) {
  for (const std::filesystem::path& input : inputs) {
    for (const std::string& name : hub::part_names(input.filename().string())) {
      std::error_code absent;  // then it is no such file
      if (std::filesystem::equivalent(output, input.parent_path() / name, absent)) {
        return Error{output + ": is the file that is read, expected another name to write to"};
      }
    }
  }
  return {};
}

Status check_can_be_written(const std::string& path) {
  std::error_code absent;
  return std::filesystem::is_fifo(path, absent) ? Status() : NewFile(path).write({});
}

void require_model_named(const ModelSource& source, const std::string& output) {
  std::error_code absent;
  if (!source.is_bundled() || !std::filesystem::is_regular_file(output, absent)) return;
  throw CLI::ValidationError(output +
                             " is there already, but the bundled model would be read; --gguf names "
                             "the model to read");
}

}  // namespace linnet::app
