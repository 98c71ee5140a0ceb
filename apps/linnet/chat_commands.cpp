#include "linnet/chat_commands.hpp"

#include <array>

#include "base/read_file.hpp"
#include "linnet/console.hpp"

namespace linnet::app {
namespace {

constexpr std::int64_t kLongestFileBytes = 64 << 20;

struct Command {
  std::string_view name, argument, help;
  Status (*run)(ChatConsole& console, const std::string& argument);
};

Status show_help(ChatConsole& console, const std::string& argument);

Status set_system(ChatConsole& console, const std::string& argument) {
  console.session.set_system(argument);
  return {};
}

Status reset(ChatConsole& console, const std::string&) {
  console.session.reset();
  console.attached.clear();
  return {};
}

Status regenerate(ChatConsole& console, const std::string&) {
  Status status = console.session.regenerate();
  if (status) note_turn(console.session);
  return status;
}

Status save(ChatConsole& console, const std::string& argument) {
  if (argument.empty()) return Error{"/save needs the name of a file"};
  return console.session.save(argument);
}

Status load(ChatConsole& console, const std::string& argument) {
  if (argument.empty()) return Error{"/load needs the name of a file"};
  Status status = console.session.load(argument);
  if (status) note("loaded: {} turns\n", console.session.turns());
  return status;
}

Status attach(ChatConsole& console, const std::string& argument) {
  if (argument.empty()) return Error{"/file needs the name of a file"};
  const auto text = read_file(argument, kLongestFileBytes);
  if (!text) return text.error();
  console.attached += *text;
  if (!console.attached.ends_with('\n')) console.attached += '\n';
  note("{} bytes go with the next message\n", text->size());
  return {};
}

Status show_stats(ChatConsole& console, const std::string&) {
  note("turns:   {}\n", console.session.turns());
  note_turn(console.session);
  return {};
}

Status show_params(ChatConsole& console, const std::string&) {
  const ChatSettings& settings = console.session.settings();
  const SamplingParams& p = settings.sampling;
  note("temperature {}, top-k {}, top-p {}, min-p {}, typical-p {}, seed {}\n", p.temperature,
       p.top_k, p.top_p, p.min_p, p.typical_p, p.seed);
  note("penalties: repeat {}, frequency {}, presence {}, over {} tokens; DRY {}\n",
       p.repeat_penalty, p.frequency_penalty, p.presence_penalty, p.penalty_window,
       p.dry_multiplier);
  note("mirostat {}, tokens an answer {}, when full: {}\n", p.mirostat,
       settings.max_tokens > 0 ? std::to_string(settings.max_tokens) : "as the context holds",
       settings.overflow == Overflow::kError ? "error" : "drop the oldest turns");
  return {};
}

Status end(ChatConsole& console, const std::string&) {
  console.ended = true;
  return {};
}

constexpr std::array kCommands = {
    Command{"/help", "", "this list", show_help},
    Command{"/system", "TEXT", "set the system message; empty: none", set_system},
    Command{"/reset", "", "forget the conversation, keep the system message", reset},
    Command{"/regen", "", "answer the last message again, with another seed", regenerate},
    Command{"/save", "FILE", "write the conversation as JSON", save},
    Command{"/load", "FILE", "read a conversation", load},
    Command{"/file", "FILE", "send the text of a file with the next message", attach},
    Command{"/stats", "", "what the latest answer cost", show_stats},
    Command{"/params", "", "how tokens are drawn", show_params},
    Command{"/exit", "", "end (so does Ctrl-D)", end},
};

Status show_help(ChatConsole&, const std::string&) {
  for (const Command& command : kCommands) {
    note("{:8} {:5} {}\n", command.name, command.argument, command.help);
  }
  note("A line that ends with \\ goes on in the next one. Ctrl-C stops an answer.\n");
  return {};
}

}  // namespace

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
  const auto later = static_cast<double>(stats.answer_tokens > 0 ? stats.answer_tokens - 1 : 0);
  note("[{} tokens, {:.1f} tokens/s; prompt {} new, {} cached, {:.2f} s; context {} of {}{}]\n",
       stats.answer_tokens, stats.answer_s > 0.0 ? later / stats.answer_s : 0.0,
       stats.prompt_tokens - stats.cached_tokens, stats.cached_tokens, stats.prompt_s,
       stats.prompt_tokens + stats.answer_tokens, stats.context,
       stats.reason == FinishReason::kLength      ? "; cut at the limit"
       : stats.reason == FinishReason::kCancelled ? "; stopped"
                                                  : "");
}

}  // namespace linnet::app
