#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace linnet::app {

/// CLI11's help with less noise: `INT in [1 - 64]` where it writes `INT:INT in [1 - 64]`, and no
/// limits that nobody reaches.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

}  // namespace linnet::app
