#include "linnet/options/help_formatter.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

namespace linnet::app {
namespace {

constexpr double kOutOfReach = 1 << 20;

// Groups of options end and begin with an empty line.
void join_empty_lines(std::string& text) {
  for (std::size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) text.erase(at, 1);
}

void replace_first(std::string& text, std::string_view old, std::string_view by) {
  if (const auto at = text.find(old); at != std::string::npos) text.replace(at, old.size(), by);
}

// Of the terminal, also if the help goes through a pager; the usual ones if there is none.
std::size_t terminal_columns() {
  constexpr std::size_t kUsual = 80, kFewest = 60, kMost = 120;
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO}) {
    winsize size{};
    if (ioctl(stream, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) continue;
    return std::clamp<std::size_t>(size.ws_col, kFewest, kMost);
  }
  return kUsual;
}

// What the check says tells the type as well: TYPE:CHECK. (The colons of A[:B] and A=B:C are the
// user's.)
std::string shown_type(const std::string& type) {
  const auto colon = type.find(':');
  if (colon == std::string::npos || type.find("[:") == colon - 1) return type;
  if (type.find('=') < colon) return type;
  std::string check = type.substr(colon + 1);
  constexpr std::size_t kMostWords = 60;  // the description tells what they are
  if (check.starts_with('{') && check.size() > kMostWords) return type.substr(0, colon);
  const auto range = check.find(" in [");
  const auto dash = check.find(" - ", range);
  if (range == std::string::npos || dash == std::string::npos) return check;
  const bool is_open = std::atof(check.c_str() + dash + 3) >= kOutOfReach;
  return is_open ? check.substr(0, range) : check;
}

// What most people look for comes after the line of usage, not after all options.
std::string with_examples_first(std::string text) {
  const auto examples = text.rfind("\nExamples:\n");
  const auto usage = text.find("\nUsage: ");
  const auto place = usage == text.npos ? usage : text.find('\n', usage + 1);
  if (examples == text.npos || place >= examples) return text;
  std::string shown = text.substr(examples);
  text.erase(examples);
  text.insert(place + 1, shown);
  return text;
}

}  // namespace

HelpFormatter::HelpFormatter() { label("SUBCOMMAND", "COMMAND"); }

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  std::string text = CLI::Formatter::make_option_opts(option);
  const std::string standard = option->get_default_str();
  if (standard.find(' ') != std::string::npos) {
    replace_first(text, "=" + standard, "=\"" + standard + "\"");
  }
  replace_first(text, option->get_type_name(), shown_type(option->get_type_name()));
  // One value each time, however often the option is there.
  if (!option->get_allow_extra_args()) replace_first(text, " ...", "");
  return text;
}

// After the column of the names.
std::string HelpFormatter::wrapped(const std::string& description) const {
  const std::size_t columns = terminal_columns() - get_column_width();
  std::istringstream words(description);
  std::string text, line;
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > columns) {
      text += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return text + line;
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  return wrapped(option->get_description());
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  std::ostringstream out;
  CLI::detail::format_help(out, command->get_display_name(true),
                           wrapped(command->get_description()), get_column_width());
  return out.str();
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
  join_empty_lines(text);
  return with_examples_first(std::move(text));
}

}  // namespace linnet::app
