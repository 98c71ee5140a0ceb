#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

namespace linnet::app {

/// What may stand after an option, or as an argument of its own.
struct CompletedValue {
  enum class Kind { kText, kFile, kGgufFile, kFolder, kRepo, kWords } kind = Kind::kText;
  std::vector<std::string> words;  ///< of kWords
};

struct CompletedOption {
  std::vector<std::string> names;  ///< with their dashes, long ones first
  std::string description;         ///< a few words
  bool is_repeatable = false;
  std::optional<CompletedValue> value;  ///< none: a flag
};

struct CompletedCommand {
  std::string name;
  std::string description;
  std::vector<CompletedOption> options;
  std::optional<CompletedValue> argument;  ///< one without a name
};

/// What a shell needs to know of the options of `app`, a program or a subcommand.
CompletedCommand completed_command(const CLI::App& app);

/// The same of all its subcommands.
std::vector<CompletedCommand> completed_commands(const CLI::App& app);

}  // namespace linnet::app
