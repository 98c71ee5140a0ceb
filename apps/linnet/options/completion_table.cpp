#include "linnet/options/completion_table.hpp"

#include <algorithm>
#include <string_view>

namespace linnet::app {
namespace {

using Kind = CompletedValue::Kind;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> words;
  while (true) {
    const auto end = text.find(separator);
    words.emplace_back(text.substr(0, end));
    if (end == text.npos) return words;
    text.remove_prefix(end + 1);
  }
}

// The names of types tell it: FILE, FILE[:SCALE], NAME|FILE, FOLDER, REPO, {f32,f16}, auto|N.
CompletedValue value_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto open = type.find('{'), close = type.find('}', open);
  if (close != type.npos) {
    return {Kind::kWords, split(type.substr(open + 1, close - open - 1), ',')};
  }
  const std::vector<std::string> types = split(type.substr(0, type.find_first_of("[:")), '|');
  const auto is = [&](std::string_view name) {
    return std::ranges::find(types, name) != types.end();
  };
  if (is("FOLDER")) return {Kind::kFolder, {}};
  if (is("REPO")) return {Kind::kRepo, {}};
  if (is("FILE")) {
    const bool is_model =
        option.check_lname("gguf") || option.get_description().starts_with("GGUF file");
    return {is_model ? Kind::kGgufFile : Kind::kFile, {}};
  }
  if (is("auto")) return {Kind::kWords, {"auto"}};
  return {};
}

// The first words of a text, without what shells could take for more than letters.
std::string first_clause(const std::string& text) {
  std::string clause =
      text.substr(0, std::min(text.find_first_of(";:()[]{}\\\n"), text.find(". ")));
  clause.erase(clause.find_last_not_of(" ,") + 1);
  return clause;
}

CompletedOption completed_option(const CLI::Option& option) {
  CompletedOption completed;
  for (const std::string& name : option.get_lnames()) completed.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) completed.names.push_back("-" + name);
  completed.description = first_clause(option.get_description());
  completed.is_repeatable = option.get_expected_max() > 1 ||
                            option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  if (option.get_items_expected_max() > 0) completed.value = value_of(option);
  return completed;
}

}  // namespace

CompletedCommand completed_command(const CLI::App& app) {
  CompletedCommand command;
  command.name = app.get_name();
  command.description = first_clause(app.get_description());
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) {
      command.options.push_back(completed_option(*option));
    } else {  // the first that can be completed
      const CompletedValue value = value_of(*option);
      if (!command.argument || command.argument->kind == Kind::kText) command.argument = value;
    }
  }
  return command;
}

std::vector<CompletedCommand> completed_commands(const CLI::App& app) {
  std::vector<CompletedCommand> commands;
  for (const CLI::App* command : app.get_subcommands({})) {
    commands.push_back(completed_command(*command));
  }
  return commands;
}

}  // namespace linnet::app
