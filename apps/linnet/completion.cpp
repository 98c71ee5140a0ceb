#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "linnet/options/completion_table.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

using Kind = CompletedValue::Kind;
using Commands = std::vector<CompletedCommand>;

// In single quotes, as the shell reads them: `quote` is how one is written within.
std::string quoted(const std::string& text, std::string_view quote) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += quote;
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string joined_names(const CompletedCommand& command) {
  std::vector<std::string> names;
  for (const CompletedOption& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return fmt::format("{}", fmt::join(names, " "));
}

// How the shells are told what may follow; for bash it is a word that kBashEnd understands. {}:
// the words of the value.
struct ShellForms {
  Kind kind;
  const char *bash, *zsh, *fish;
};
constexpr std::array kForms = {
    ShellForms{Kind::kText, "text", ": :", " -x"},
    ShellForms{Kind::kFile, "file", ":file:_files", " -r -F"},
    ShellForms{Kind::kGgufFile, "gguf", ":model:_files -g \"*.gguf\"",
               " -x -k -a '(__fish_complete_suffix .gguf)'"},
    ShellForms{Kind::kFolder, "folder", ":folder:_files -/",
               " -x -a '(__fish_complete_directories)'"},
    ShellForms{Kind::kRepo, "repo", ":repo:($(linnet cache --names 2>/dev/null))",
               " -x -a '(linnet cache --names 2>/dev/null)'"},
    ShellForms{Kind::kWords, "'={}'", ":value:({})", " -x -a '{}'"},
};

std::string form_of(const CompletedValue& value, const char* ShellForms::*shell) {
  const auto* const forms = std::ranges::find(kForms, value.kind, &ShellForms::kind);
  return fmt::format(fmt::runtime(forms->*shell), fmt::join(value.words, " "));
}

// --- bash

std::string bash_kind(const CompletedValue& value) { return form_of(value, &ShellForms::bash); }

std::string bash_command(const CompletedCommand& command) {
  std::string text =
      fmt::format("    {})\n      options='{}'\n", command.name, joined_names(command));
  if (command.argument) text += fmt::format("      argument={}\n", bash_kind(*command.argument));
  std::map<std::string, std::vector<std::string>> names;  // by what follows them
  for (const CompletedOption& option : command.options) {
    if (!option.value) continue;
    auto& same = names[bash_kind(*option.value)];
    same.insert(same.end(), option.names.begin(), option.names.end());
  }
  if (!names.empty()) text += "      case $before in\n";
  for (const auto& [kind, options] : names) {
    text += fmt::format("        {}) kind={} ;;\n", fmt::join(options, "|"), kind);
  }
  if (!names.empty()) text += "      esac\n";
  return text + "      ;;\n";
}

constexpr std::string_view kBashBegin =
    R"(# Completion of linnet for bash: source <(linnet completion bash)

_linnet() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  # Of --gguf=FILE, bash makes three words.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = && COMP_CWORD -gt 2 ]]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  local options= argument= kind= command=${COMP_WORDS[1]}
  ((COMP_CWORD > 1)) || command=
  case $command in
)";
constexpr std::string_view kBashEnd = R"(  esac
  [[ -n $kind || $word == -* ]] || kind=$argument
  COMPREPLY=()
  case $kind in
    gguf)
      mapfile -t COMPREPLY < <(compgen -f -X '!*.gguf' -- "$word"; compgen -d -- "$word") ;;
    file) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    folder) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    repo)
      local repos
      repos=$("${COMP_WORDS[0]}" cache --names 2>/dev/null)
      mapfile -t COMPREPLY < <(compgen -W "$repos" -- "$word") ;;
    =*) mapfile -t COMPREPLY < <(compgen -W "${kind#=}" -- "$word") ;;
    '') mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
  esac
  case $kind in
    gguf|file|folder) compopt -o filenames 2>/dev/null ;;
  esac
}
complete -F _linnet linnet
)";

std::string bash_script(const CompletedCommand& program, const Commands& commands) {
  std::string names, text(kBashBegin);
  for (const CompletedCommand& command : commands) names += command.name + " ";
  text += fmt::format("    '') options='{}{}' ;;\n", names, joined_names(program));
  for (const CompletedCommand& command : commands) text += bash_command(command);
  return text.append(kBashEnd);
}

// --- zsh

std::string zsh_quoted(const std::string& text) { return quoted(text, "'\\''"); }

std::string zsh_action(const CompletedValue& value) { return form_of(value, &ShellForms::zsh); }

std::string zsh_option(const CompletedOption& option) {
  std::string text;
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    std::string spec =
        option.is_repeatable ? "*" : fmt::format("({})", fmt::join(option.names, " "));
    spec += name;
    if (option.value) spec += is_long ? "=" : "+";
    spec += fmt::format("[{}]", option.description);
    if (option.value) spec += zsh_action(*option.value);
    text += fmt::format(" \\\n        {}", zsh_quoted(spec));
  }
  return text;
}

std::string zsh_arguments(const CompletedCommand& command) {
  std::string text = "_arguments";
  for (const CompletedOption& option : command.options) text += zsh_option(option);
  if (command.argument) {
    text += fmt::format(" \\\n        {}", zsh_quoted("*" + zsh_action(*command.argument)));
  }
  return text;
}

std::string zsh_script(const CompletedCommand& program, const Commands& commands) {
  std::string text =
      "#compdef linnet\n# Completion of linnet for zsh: source <(linnet completion zsh), behind "
      "compinit\n\n_linnet() {\n  if ((CURRENT == 2)); then\n    local -a commands=(\n";
  for (const CompletedCommand& command : commands) {
    text += fmt::format("      {}\n", zsh_quoted(command.name + ":" + command.description));
  }
  text += fmt::format(
      "    )\n    _describe command commands\n    {}\n    return\n  fi\n"
      "  shift words\n  ((CURRENT--))\n  case $words[1] in\n",
      zsh_arguments(program));
  for (const CompletedCommand& command : commands) {
    text += fmt::format("    {})\n      {} ;;\n", command.name, zsh_arguments(command));
  }
  return text +
         "  esac\n}\nif [[ $funcstack[1] == _linnet ]]; then\n  _linnet \"$@\"\nelse\n"
         "  compdef _linnet linnet\nfi\n";
}

// --- fish

std::string fish_quoted(const std::string& text) { return quoted(text, "\\'"); }

std::string fish_value(const CompletedValue& value) { return form_of(value, &ShellForms::fish); }

// `condition` says when they can be given.
std::string fish_options(const CompletedCommand& command, const std::string& condition) {
  std::string text;
  for (const CompletedOption& option : command.options) {
    text += "complete -c linnet -n " + fish_quoted(condition);
    for (const std::string& name : option.names) {
      const bool is_long = name.starts_with("--");
      text += is_long ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (option.value) text += fish_value(*option.value);
    text += fmt::format(" -d {}\n", fish_quoted(option.description));
  }
  return text;
}

std::string fish_script(const CompletedCommand& program, const Commands& commands) {
  std::string text =
      "# Completion of linnet for fish: linnet completion fish | source\n\ncomplete -c linnet -f\n";
  text += fish_options(program, "__fish_use_subcommand");
  for (const CompletedCommand& command : commands) {
    text += fmt::format("complete -c linnet -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        fish_quoted(command.description));
  }
  for (const CompletedCommand& command : commands) {
    const std::string condition = "__fish_seen_subcommand_from " + command.name;
    text += fish_options(command, condition);
    if (!command.argument || command.argument->kind == Kind::kText) continue;
    const bool is_word = command.argument->kind == Kind::kWords;
    text += fmt::format("complete -c linnet -n {}{}\n", fish_quoted(condition),
                        is_word ? fish_value(*command.argument) : " -F");
  }
  return text;
}

}  // namespace

void add_completion(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand(
      "completion", "Print a script with which a shell completes commands, options and files");
  auto shell = std::make_shared<std::string>();
  app->add_option("shell", *shell, "for which shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app->footer(
      "Examples:\n"
      "  echo 'source <(linnet completion bash)' >> ~/.bashrc\n"
      "  echo 'source <(linnet completion zsh)' >> ~/.zshrc    # behind compinit\n"
      "  linnet completion fish > ~/.config/fish/completions/linnet.fish");
  app->callback([shell, &parent, &exit_status] {
    const CompletedCommand program = completed_command(parent);
    const Commands commands = completed_commands(parent);
    const bool is_bash = *shell == "bash", is_zsh = *shell == "zsh";
    exit_status = report(write_output(is_bash  ? bash_script(program, commands)
                                      : is_zsh ? zsh_script(program, commands)
                                               : fish_script(program, commands)));
  });
}

}  // namespace linnet::app
