#include "linnet/options/usage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>

#include "base/printable.hpp"
#include "hub/model_choice.hpp"
#include "hub/repo_file.hpp"
#include "linnet/options/foreign_options.hpp"

namespace linnet::app {
namespace {

// Letters to insert, remove or replace until `a` is `b`.
int distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    int diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const int replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

// The one of `known` that `word` is: a translation, an abbreviation, or the nearest in letters
// if no more than a third of them differ.
std::optional<std::string> find_meant(std::string word, const std::vector<std::string>& known,
                                      std::span<const Translation> translations) {
  constexpr std::size_t kLongestName = 64;
  if (word.size() > kLongestName) return {};
  for (const Translation& of : translations) {
    const bool is_known = std::ranges::find(known, of.own) != known.end();
    if (of.foreign == word && is_known) return std::string(of.own);
  }
  std::ranges::transform(word, word.begin(), [](unsigned char letter) {
    return letter == '_' ? '-' : static_cast<char>(std::tolower(letter));
  });
  const auto begins = [&](const std::string& name) { return name.starts_with(word); };
  if (word.size() > 2 && std::ranges::count_if(known, begins) == 1) {
    return *std::ranges::find_if(known, begins);
  }
  const auto distance_to = [&](const std::string& name) { return distance(word, name); };
  const auto nearest = std::ranges::min_element(known, {}, distance_to);
  if (nearest == known.end()) return {};
  const auto letters = word.size() - std::min(word.size(), word.find_first_not_of('-'));
  if (distance_to(*nearest) > static_cast<int>(letters) / 3) return {};
  return *nearest;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string unknown_option(const std::string& argument, const CLI::App& command) {
  const std::string name = argument.substr(0, argument.find('='));
  const auto meant = find_meant(name, option_names(command), foreign_options());
  std::string hint;
  const std::string_view explanation = explanation_of(name, command.get_name());
  if (!explanation.empty()) {
    hint = fmt::format("; {}", explanation);
  } else if (meant) {
    hint = fmt::format("; did you mean {}?", *meant);
  } else if (command.get_option_no_throw("text")) {
    hint = "; a text that begins with - stands behind --";
  }
  return fmt::format("there is no option {}{}", printable(name), hint);
}

// OWNER/NAME, and no file.
bool names_repo(const std::string& argument) {
  std::error_code absent;
  return argument.find('/') != std::string::npos &&
         hub::check_repo(hub::read_repo_name(argument).repo).ok() &&
         !std::filesystem::exists(argument, absent);
}

std::string unexpected_argument(const std::string& argument, const CLI::App& command) {
  const auto has = [&](const char* option) { return command.get_option_no_throw(option); };
  std::string_view hint;
  const bool is_model = argument.ends_with(".gguf");
  if (is_model && has("--gguf")) {
    hint = "; --gguf names the model";
  } else if (!is_model && has("--repo") && names_repo(argument)) {
    hint = "; --repo names the repo of a model";
  } else if (has("--prompt")) {
    hint = "; --prompt gives a text";
  } else if (has("--repo")) {
    hint = "; --repo OWNER/NAME names a repo of the Hub";
  }
  return fmt::format("{} was not expected{}", printable(argument), hint);
}

// The first of those that the command does not know.
std::string unknown_argument(const std::vector<std::string>& unknown, const CLI::App& command) {
  const auto option = std::ranges::find_if(
      unknown, [](const std::string& text) { return text.size() > 1 && text.starts_with('-'); });
  return option == unknown.end() ? unexpected_argument(unknown.front(), command)
                                 : unknown_option(*option, command);
}

// The first argument that is another program's option of one dash and several letters: CLI11 takes
// -ngl for -n with the value gl.
std::optional<std::string> clustered_option(const std::vector<std::string>& arguments,
                                            const CLI::App& command) {
  const std::vector<std::string> known = option_names(command);
  const auto is_foreign = [&](const std::string& argument) {
    if (argument.size() < 3 || argument[0] != '-' || argument[1] == '-') return false;
    const auto translates = [&](const Translation& of) {
      return of.foreign == argument && std::ranges::find(known, of.own) != known.end();
    };
    return std::ranges::any_of(foreign_options(), translates) ||
           !explanation_of(argument, command.get_name()).empty();
  };
  const auto found = std::ranges::find_if(arguments, is_foreign);
  return found == arguments.end() ? std::nullopt : std::optional(*found);
}

// What CLI11 says, where it counts instead of telling.
std::string reworded(const CLI::ParseError& error) {
  const std::string text = error.what();
  const std::string name = text.substr(0, text.find(':'));
  if (error.get_name() == "ArgumentMismatch" && name != text) {
    const bool is_repeated = text.find("At Most 1") != std::string::npos;
    return name + (is_repeated ? ": given more than once" : ": expected a value, found none");
  }
  if (error.get_name() == "ConversionError") {
    const std::size_t found = text.rfind(" = ");
    const std::size_t option = text.find('-');
    if (option < found && found != std::string::npos) {
      return fmt::format("{}: {} is none of its values", text.substr(option, found - option),
                         text.substr(found + 3));
    }
  }
  const bool is_model = text.find(".gguf is not a whole number") != std::string::npos;
  return is_model ? text + "; --gguf names the model" : text;
}

}  // namespace

std::vector<std::string> read_arguments(int argc, char** argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (arguments == std::vector<std::string>{"version"}) return {"--version"};
  if (arguments.empty() || arguments.front() != "help") return arguments;
  arguments.erase(arguments.begin());
  arguments.resize(std::min<std::size_t>(arguments.size(), 1));
  arguments.push_back("--help");
  return arguments;
}

std::string command_problem(const CLI::App& app, const std::vector<std::string>& arguments) {
  const std::vector<std::string> known = command_names(app);
  const std::string list = fmt::format("there are {}", fmt::join(known, ", "));
  if (arguments.empty()) return "expected a command; " + list;
  const std::string& first = arguments.front();
  if (std::ranges::find(known, first) != known.end()) return {};
  if (first.starts_with('-')) {
    const bool is_known = app.get_option_no_throw(first) != nullptr;
    if (is_known) return {};
    const bool names_model = find_meant(first, {"--gguf", "--repo"}, foreign_options()).has_value();
    return fmt::format("expected a command before {}; {}", printable(first),
                       names_model ? "`linnet chat --gguf FILE` talks with a model" : list);
  }
  const auto meant = find_meant(first, known, foreign_commands());
  return fmt::format("there is no command {}; {}", printable(first),
                     meant ? fmt::format("did you mean {}?", *meant) : list);
}

std::string help_problem(const CLI::App& app, const std::vector<std::string>& arguments) {
  const auto is_clustered = [](const std::string& text) {
    return text.size() > 2 && text.starts_with("-h");
  };
  const auto asked = std::ranges::find_if(arguments, is_clustered);
  const bool is_meant = std::ranges::any_of(
      arguments, [](const std::string& text) { return text == "-h" || text == "--help"; });
  if (is_meant || asked == arguments.end()) return {};
  const auto parsed = app.get_subcommands();
  return unknown_option(*asked, parsed.empty() ? app : *parsed.front());
}

std::string usage_problem(const CLI::App& app, const CLI::ParseError& error,
                          const std::vector<std::string>& arguments) {
  const auto parsed = app.get_subcommands();
  if (parsed.empty()) return reworded(error);
  const CLI::App& command = *parsed.front();
  if (const auto option = clustered_option(arguments, command)) {
    return unknown_option(*option, command);
  }
  auto unknown = command.remaining();
  if (unknown.empty()) unknown = app.remaining();  // what stands after --
  std::erase(unknown, "--");
  return unknown.empty() ? reworded(error) : unknown_argument(unknown, command);
}

}  // namespace linnet::app
