#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace linnet::app {

/// CLI11's help with less noise: `INT in [1 - 64]` if it writes `INT:INT in [1 - 64]`, no limits
/// that nobody reaches, and lines as wide as the terminal.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;

 private:
  std::string wrapped(const std::string& description) const;
};

}  // namespace linnet::app
