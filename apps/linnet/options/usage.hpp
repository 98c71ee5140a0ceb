#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace linnet::app {

/// The arguments of a command line, without the program's name. `version` becomes --version, `help`
/// --help, and `help COMMAND` COMMAND --help.
std::vector<std::string> read_arguments(int argc, char** argv);

/// What is wrong with the first argument if it should be a command and is none; empty otherwise.
std::string command_problem(const CLI::App& app, const std::vector<std::string>& arguments);

/// What is wrong where CLI11 was asked for help by an option that only begins like -h, as another
/// program's -hf; empty if help is meant.
std::string help_problem(const CLI::App& app, const std::vector<std::string>& arguments);

/// What is wrong with a command line of `arguments` that `app` has refused, with the name that may
/// be meant.
std::string usage_problem(const CLI::App& app, const CLI::ParseError& error,
                          const std::vector<std::string>& arguments);

}  // namespace linnet::app
