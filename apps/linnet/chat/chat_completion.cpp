#include "linnet/chat/chat_completion.hpp"

#include <algorithm>
#include <filesystem>
#include <ranges>

#include "base/printable.hpp"
#include "generate/sampling/parameter_table.hpp"
#include "linnet/chat/chat_commands.hpp"

namespace linnet::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostNames = 4096;  // of a folder

using Words = std::vector<std::string>;

Words names_of_commands() {
  Words names;
  for (const ChatCommandForm& command : chat_commands())
    names.push_back(std::string(command.name) + ' ');
  return names;
}

Words names_of_parameters() {
  Words names = {"seed "};
  for (const SamplingParameter& parameter : kSamplingParameters) {
    names.push_back(std::string(parameter.option) + ' ');
  }
  return names;
}

// Files whose path begins with `path`; those that begin with a dot if it says so.
Words files_at(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string shown = slash == path.npos ? "" : path.substr(0, slash + 1);
  const std::string begun = path.substr(shown.size());
  std::error_code error;
  Words files;
  for (fs::directory_iterator entry(shown.empty() ? "." : at_home(shown), error), end;
       !error && entry != end && files.size() < kMostNames; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool is_hidden = begun.empty() && name.starts_with('.');
    if (!name.starts_with(begun) || is_hidden || printable(name) != name) continue;
    std::error_code ignored;
    files.push_back(shown + name + (entry->is_directory(ignored) ? '/' : ' '));
  }
  return files;
}

// What may come after the command.
Words arguments_of(std::string_view name, const std::string& begun) {
  const auto commands = chat_commands();
  const auto command = std::ranges::find(commands, name, &ChatCommandForm::name);
  if (command == commands.end()) return {};
  if (command->argument == "FILE") return files_at(begun);
  if (command->argument == "on|off") return {"off ", "on "};
  if (command->argument == "[NAME VALUE]") return names_of_parameters();
  return {};
}

}  // namespace

Words complete_chat_line(std::string_view line) {
  if (!line.starts_with('/')) return {};
  const std::size_t space = line.find(' ');
  const bool is_name = space == line.npos;
  const std::string kept(is_name ? "" : line.substr(0, space + 1));
  const std::string begun(line.substr(kept.size()));
  Words words = is_name ? names_of_commands() : arguments_of(line.substr(0, space), begun);
  std::erase_if(words, [&](const std::string& word) { return !word.starts_with(begun); });
  std::ranges::sort(words);
  for (std::string& word : words) word.insert(0, kept);
  return words;
}

}  // namespace linnet::app
