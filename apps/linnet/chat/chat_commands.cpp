#include "linnet/chat/chat_commands.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/read_file.hpp"
#include "base/utf8.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/options/sampling_table.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

struct Command : ChatCommandForm {
  Status (*run)(ChatConsole& console, const std::string& argument);
};

Status show_help(ChatConsole& console, const std::string& argument);

Status set_system(ChatConsole& console, const std::string& argument) {
  console.session.history().set_system(argument);
  note("{}\n", argument.empty() ? "no system message from now on" : "system message set");
  return {};
}

Status reset(ChatConsole& console, const std::string&) {
  console.session.history().reset();
  console.attached.clear();
  note("the conversation begins anew\n");
  return {};
}

Status regenerate(ChatConsole& console, const std::string&) {
  Status status = console.session.regenerate();
  if (status) note_turn(console.session);
  return status;
}

std::string turns_of(const ChatConsole& console) {
  const std::int64_t turns = console.session.history().turns();
  return turns == 1 ? "1 turn" : fmt::format("{} turns", turns);
}

Result<std::string> path_argument(std::string_view command, const std::string& argument) {
  if (argument.empty()) return Error{fmt::format("{} needs the name of a file", command)};
  return at_home(argument);
}

Status save(ChatConsole& console, const std::string& argument) {
  const auto path = path_argument("/save", argument);
  if (!path) return path.error();
  Status status = console.session.save(*path);
  if (status) note("saved: {} in {}\n", turns_of(console), printable(*path));
  return status;
}

Status load(ChatConsole& console, const std::string& argument) {
  const auto path = path_argument("/load", argument);
  if (!path) return path.error();
  Status status = console.session.load(*path);
  if (status) note("loaded: {}\n", turns_of(console));
  return status;
}

Status attach(ChatConsole& console, const std::string& argument) {
  const auto path = path_argument("/file", argument);
  if (!path) return path.error();
  const auto room = kLongestTextBytes - static_cast<std::int64_t>(console.attached.size());
  const auto text = read_regular_file(*path, std::max<std::int64_t>(room, 0));
  if (!text) return text.error();
  if (!is_valid_utf8(*text)) return Error{*path + " is not a text in UTF-8"};
  console.attached += *text;
  if (!console.attached.ends_with('\n')) console.attached += '\n';
  note("{} bytes go with the next message\n", text->size());
  return {};
}

Status attach_medium_file(ChatConsole& console, const Result<std::string>& path,
                          MediaFiles::Kind kind, std::string_view name) {
  if (!path) return path.error();
  Status status = attach_medium(console, kind, *path, read_regular_file);
  if (status) note("the {} goes with the next message\n", name);
  return status;
}

Status play_sound(ChatConsole& console, const std::string& argument) {
  return attach_medium_file(console, path_argument("/audio", argument), MediaFiles::Kind::kSound,
                            "sound");
}

Status show_picture(ChatConsole& console, const std::string& argument) {
  return attach_medium_file(console, path_argument("/image", argument), MediaFiles::Kind::kPicture,
                            "picture");
}

Status show_stats(ChatConsole& console, const std::string&) {
  note("turns: {}\n", console.session.history().turns());
  if (console.session.stats().context > 0) note_turn(console.session);
  return {};
}

Status set_thinking(ChatConsole& console, const std::string& argument) {
  if (argument != "on" && argument != "off") return Error{"/think needs on or off"};
  Status status = console.session.set_thinking(argument == "on");
  if (status) note("thinking: {}\n", argument);
  return status;
}

// Without an argument it shows all, with NAME VALUE it sets one.
Status show_params(ChatConsole& console, const std::string& argument) {
  ChatSettings& settings = console.session.settings();
  if (!argument.empty()) {
    const std::size_t space = std::min(argument.find(' '), argument.size());
    const std::size_t value = std::min(argument.find_first_not_of(' ', space), argument.size());
    Status status =
        set_parameter(settings.sampling, argument.substr(0, space), argument.substr(value));
    if (!status) return status;
  }
  note("{}\ntokens an answer: {}; when the context is full: {}\n",
       describe_parameters(settings.sampling),
       settings.max_tokens > 0 ? fmt::format("at most {}", settings.max_tokens)
                               : "as the context holds",
       settings.overflow == Overflow::kError ? "error" : "the oldest turns are dropped");
  return {};
}

Status end(ChatConsole& console, const std::string&) {
  console.ended = true;
  return {};
}

constexpr std::array kCommands = {
    Command{{"/help", "", "this list"}, show_help},
    Command{{"/system", "TEXT", "set the system message; without a text there is none"},
            set_system},
    Command{{"/reset", "", "forget the conversation, keep the system message"}, reset},
    Command{{"/regen", "", "answer the last message again, with another seed"}, regenerate},
    Command{{"/save", "FILE", "keep the conversation and its cache; NAME.json: its messages alone"},
            save},
    Command{{"/load", "FILE", "go on with a saved conversation"}, load},
    Command{{"/file", "FILE", "send the text of a file with the next message"}, attach},
    Command{{"/image", "FILE", "show the model a picture with the next message (--mmproj)"},
            show_picture},
    Command{{"/audio", "FILE", "play the model a sound with the next message (--mmproj)"},
            play_sound},
    Command{{"/think", "on|off", "whether the model thinks before it answers"}, set_thinking},
    Command{{"/stats", "", "turns, and what the latest answer cost"}, show_stats},
    Command{{"/params", "[NAME VALUE]", "how tokens are drawn; set one, as in /params temp 0.3"},
            show_params},
    Command{{"/exit", "", "end (so does Ctrl-D)"}, end},
};

Status show_help(ChatConsole&, const std::string&) {
  for (const Command& command : kCommands) {
    note("{:7} {:12}  {}\n", command.name, command.argument, command.help);
  }
  note(
      "\nA line that ends with \\ goes on in the next one; Alt-Enter and pasted text break lines, "
      "too.\nCtrl-C stops an answer. Tab completes commands and files.\n");
  return {};
}

// The first token came with the prompt: one alone has no rate.
std::string answer_length(const TurnStats& stats) {
  if (stats.answer_tokens == 1) return "1 token";
  if (stats.answer_tokens == 0 || stats.answer_s <= 0.0) {
    return fmt::format("{} tokens", stats.answer_tokens);
  }
  return fmt::format("{} tokens, {:.1f} tokens/s", stats.answer_tokens,
                     static_cast<double>(stats.answer_tokens - 1) / stats.answer_s);
}

}  // namespace

std::vector<ChatCommandForm> chat_commands() { return {kCommands.begin(), kCommands.end()}; }

std::string at_home(const std::string& path) {
  const char* const home = std::getenv("HOME");
  return path.starts_with("~/") && home ? home + path.substr(1) : path;
}

Status attach_medium(ChatConsole& console, MediaFiles::Kind kind, const std::string& path,
                     FileReader& read) {
  const auto marker = console.session.media().add(kind, path, read);
  if (!marker) return marker.error();
  console.attached += *marker + '\n';
  return {};
}

Status run_chat_command(ChatConsole& console, std::string_view line) {
  const std::size_t space = std::min(line.find_first_of(" \n"), line.size());
  const std::string_view name = line.substr(0, space);
  std::string_view argument = line.substr(space);
  while (!argument.empty() && argument.front() == ' ') argument.remove_prefix(1);
  while (!argument.empty() && argument.back() == ' ') argument.remove_suffix(1);
  for (const Command& command : kCommands) {
    if (command.name == name) return command.run(console, std::string(argument));
  }
  return Error{fmt::format("there is no command {}; /help lists them", name)};
}

void note_turn(const ChatSession& session) {
  const TurnStats& stats = session.stats();
  const std::int64_t used = stats.prompt_tokens + stats.answer_tokens;
  const char* const ending = stats.reason == FinishReason::kCancelled ? "; stopped"
                             : stats.reason == FinishReason::kStop    ? ""
                             : used >= stats.context                  ? "; the context is full"
                                                                      : "; cut at -m";
  const bool dims = has_styles(STDERR_FILENO);
  note("{}[{}; prompt {} new, {} cached, {:.2f} s; context {} of {}{}]{}\n", dims ? "\x1b[2m" : "",
       answer_length(stats), stats.prompt_tokens - stats.cached_tokens, stats.cached_tokens,
       stats.prompt_s, used, stats.context, ending, dims ? "\x1b[0m" : "");
}

}  // namespace linnet::app
