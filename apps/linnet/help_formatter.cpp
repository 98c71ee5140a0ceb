#include "linnet/help_formatter.hpp"

#include <cstdlib>
#include <string_view>
#include <utility>

namespace linnet::app {
namespace {

constexpr double kOutOfReach = 1 << 20;

void replace_first(std::string& text, std::string_view old, std::string_view by) {
  if (const auto at = text.find(old); at != std::string::npos) text.replace(at, old.size(), by);
}

// What the check says tells the type as well: TYPE:CHECK.
std::string shown_type(const std::string& type) {
  const auto colon = type.find(':');
  if (colon == std::string::npos) return type;
  std::string check = type.substr(colon + 1);
  const auto range = check.find(" in [");
  const auto dash = check.find(" - ", range);
  if (range == std::string::npos || dash == std::string::npos) return check;
  const bool is_open = std::atof(check.c_str() + dash + 3) >= kOutOfReach;
  return is_open ? check.substr(0, range) : check;
}

}  // namespace

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  std::string text = CLI::Formatter::make_option_opts(option);
  replace_first(text, option->get_type_name(), shown_type(option->get_type_name()));
  return text;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
  replace_first(text, "\n\n\n", "\n\n");
  return text;
}

}  // namespace linnet::app
