#include "linnet/options/usage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>

#include "base/printable.hpp"
#include "hub/model_choice.hpp"
#include "hub/repo_file.hpp"

namespace linnet::app {
namespace {

// What other programs for such models call it, and what it is called here.
struct Translation {
  std::string_view foreign, own;
};
constexpr std::array kCommands = {
    Translation{"run", "chat"},           Translation{"complete", "generate"},
    Translation{"show", "inspect"},       Translation{"info", "inspect"},
    Translation{"download", "pull"},      Translation{"get", "pull"},
    Translation{"imatrix", "importance"}, Translation{"server", "serve"},
    Translation{"embedding", "embed"},    Translation{"list", "cache"},
    Translation{"ls", "cache"},           Translation{"rm", "cache"},
    Translation{"remove", "cache"},       Translation{"completions", "completion"},
};
constexpr std::array kOptions = {
    Translation{"--model", "--gguf"},
    Translation{"-m", "--gguf"},
    Translation{"--hf-repo", "--repo"},
    Translation{"-hf", "--repo"},
    Translation{"-hfr", "--repo"},
    Translation{"--hf-file", "--gguf"},
    Translation{"-hff", "--gguf"},
    Translation{"--model-url", "--repo"},
    Translation{"-mu", "--repo"},
    Translation{"-p", "--prompt"},
    Translation{"-f", "--prompt-file"},
    Translation{"--file", "--prompt-file"},
    Translation{"-n", "--max-tokens"},
    Translation{"--n-predict", "--max-tokens"},
    Translation{"--predict", "--max-tokens"},
    Translation{"--num-predict", "--max-tokens"},
    Translation{"-c", "--window"},
    Translation{"--ctx-size", "--window"},
    Translation{"-c", "--ctx"},
    Translation{"--ctx-size", "--ctx"},
    Translation{"--max-model-len", "--ctx"},
    Translation{"--context", "--ctx"},
    Translation{"-t", "--threads"},
    Translation{"-s", "--seed"},
    Translation{"--temperature", "--temp"},
    Translation{"-ngl", "--gpu-layers"},
    Translation{"--n-gpu-layers", "--gpu-layers"},
    Translation{"-ctk", "--kv-type"},
    Translation{"-ctv", "--kv-type"},
    Translation{"--cache-type-k", "--kv-type"},
    Translation{"--cache-type-v", "--kv-type"},
    Translation{"--grammar-file", "--grammar"},
    Translation{"--json-schema-file", "--json-schema"},
    Translation{"-j", "--json-schema"},
    Translation{"-jf", "--json-schema"},
    Translation{"-sys", "--system"},
    Translation{"--system-prompt", "--system"},
    Translation{"-r", "--stop"},
    Translation{"--reverse-prompt", "--stop"},
    Translation{"--lora-scaled", "--lora"},
    Translation{"-md", "--draft-model"},
    Translation{"--model-draft", "--draft-model"},
    Translation{"-hfd", "--draft-repo"},
    Translation{"-hfrd", "--draft-repo"},
    Translation{"--hf-repo-draft", "--draft-repo"},
    Translation{"-np", "--parallel"},
    Translation{"--max-num-seqs", "--parallel"},
    Translation{"-a", "--alias"},
    Translation{"--served-model-name", "--alias"},
    Translation{"--models-max", "--models-loaded"},
    Translation{"--models-dir", "--gguf"},
    Translation{"--sleep-idle-seconds", "--idle-minutes"},
    Translation{"--keep-alive", "--idle-minutes"},
    Translation{"--chat-template-file", "--chat-template"},
    Translation{"--no-thinking", "--think"},
    Translation{"--thinking", "--think"},
    Translation{"--rope-scaling", "--override-kv"},
    Translation{"--rope-scale", "--override-kv"},
    Translation{"--rope-freq-base", "--override-kv"},
    Translation{"--rope-freq-scale", "--override-kv"},
    Translation{"--yarn-orig-ctx", "--override-kv"},
    Translation{"--embd-normalize", "--no-normalize"},
    Translation{"-mm", "--mmproj"},
    Translation{"--mirostat-ent", "--mirostat-tau"},
    Translation{"--mirostat-lr", "--mirostat-eta"},
    Translation{"--ssl-key-file", "--tls-key"},
    Translation{"--ssl-keyfile", "--tls-key"},
    Translation{"--ssl-cert-file", "--tls-cert"},
    Translation{"--ssl-certfile", "--tls-cert"},
    Translation{"--imatrix", "--importance"},
    Translation{"--split-max-tensors", "--max-tensors"},
    Translation{"--split-max-size", "--max-mib"},
    Translation{"--tensor-type", "--rule"},
    Translation{"--tensor-type-file", "--rule"},
    Translation{"--output-tensor-type", "--rule"},
    Translation{"--token-embedding-type", "--rule"},
};

// What they have an option for and this program has not.
struct Explanation {
  std::string_view foreign, hint;
};
constexpr std::string_view kToken = "the variable HF_TOKEN of the environment holds the token";
constexpr std::string_view kAlways = "it is always so";
constexpr std::array kExplanations = {
    Explanation{"--hf-token", kToken},
    Explanation{"-hft", kToken},
    Explanation{"--offline", "HF_HUB_OFFLINE=1 in the environment does that"},
    Explanation{"--jinja", kAlways},
    Explanation{"-fa", kAlways},
    Explanation{"--flash-attn", kAlways},
    Explanation{"-cb", kAlways},
    Explanation{"--cont-batching", kAlways},
    Explanation{"--metrics", kAlways},
    Explanation{"--slots", kAlways},
    Explanation{"--embedding", kAlways},
    Explanation{"--embeddings", kAlways},
    Explanation{"--reasoning-format", "thinking is always told apart from the answer"},
};

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
// where no more than a third of them differ.
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
  const auto meant = find_meant(name, option_names(command), kOptions);
  std::string hint;
  const auto explained = std::ranges::find(kExplanations, name, &Explanation::foreign);
  if (explained != kExplanations.end()) {
    hint = fmt::format("; {}", explained->hint);
  } else if (meant) {
    hint = fmt::format("; did you mean {}?", *meant);
  } else if ((name == "-f" || name == "--file") && command.get_option_no_throw("file")) {
    hint = "; the file's name stands by itself";
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
    return std::ranges::any_of(kOptions, [&](const Translation& of) {
      return of.foreign == argument && std::ranges::find(known, of.own) != known.end();
    });
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
    return fmt::format("expected a command before {}; {}", printable(first), list);
  }
  const auto meant = find_meant(first, known, kCommands);
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
  if (unknown.empty()) unknown = app.remaining();  // what stands behind --
  std::erase(unknown, "--");
  return unknown.empty() ? reworded(error) : unknown_argument(unknown, command);
}

}  // namespace linnet::app
