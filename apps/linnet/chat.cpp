#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/read_file.hpp"
#include "base/utf8.hpp"
#include "chat/prompt_encoding.hpp"
#include "chat/template_sources.hpp"
#include "generate/sampling/is_greedy.hpp"
#include "linnet/chat/chat_commands.hpp"
#include "linnet/chat/chat_completion.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/load_engine.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/options/media_options.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/sampling_options.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/template_note.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/line_editor.hpp"

namespace linnet::app {
namespace {

constexpr std::int64_t kContinuationTokens = 100;

struct Options {
  ModelOptions model;
  SamplingOptions sampling;
  std::string system, prompt, chat_template, overflow, think;
  MediaOptions media;
  std::int64_t max_tokens = 0;
  std::int64_t thinking_tokens = -1;
};

// The bundled model is not made for conversations; for any other a template must be there.
Result<TemplateSources> template_sources(const ModelFile& file, Options& options) {
  if (!options.chat_template.empty()) return find_chat_template(options.chat_template);
  auto sources = read_chat_templates(file.file());
  if (!sources || !sources->empty() || !options.model.source.is_bundled()) return sources;
  if (options.max_tokens == 0) options.max_tokens = kContinuationTokens;
  note(
      "linnet: the bundled model only continues texts, here by {} tokens a message (as with "
      "--chat-template plain -m {}); --gguf names a model that can converse\n",
      options.max_tokens, options.max_tokens);
  return find_chat_template("plain");
}

Result<ChatTemplate> make_template(const ModelFile& file, Options& options) {
  auto sources = template_sources(file, options);
  if (!sources) return sources.error();
  const Tokenizer& tokenizer = *file.tokenizer();
  auto specials = special_texts(tokenizer);
  if (!specials) return specials.error();
  auto chat_template = ChatTemplate::create(*sources, std::move(*specials));
  if (chat_template) note_unknown_markers(tokenizer, *chat_template);
  return chat_template;
}

// $XDG_STATE_HOME/linnet/chat-history
std::filesystem::path history_path() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  if (state && *state) return std::filesystem::path(state) / "linnet/chat-history";
  const char* const home = std::getenv("HOME");
  if (!home || !*home) return {};
  return std::filesystem::path(home) / ".local/state/linnet/chat-history";
}

Status say(ChatConsole& console, const std::string& text) {
  console.catcher.forget();
  if (!is_valid_utf8(text) || text.find('\0') != std::string::npos) {
    return Error{"the message is no text in UTF-8"};
  }
  const std::string message = std::exchange(console.attached, {}) + text;
  Status status = console.session.say(message);
  if (status) note_turn(console.session);
  return status;
}

// Where input comes from no editor, Ctrl-C ends the program while it waits for more.
template <class Read>
auto read_interruptibly(const InterruptCatcher& catcher, const Read& read) -> decltype(read()) {
  const InterruptCatcher::Pause pause(catcher);
  if (catcher.is_interrupted()) return Error{"interrupted"};
  return read();
}

// One message and its answer: the prompt and what is piped in.
Status answer_once(ChatConsole& console, const std::string& prompt) {
  if (isatty(STDIN_FILENO) == 1) return say(console, prompt);
  const auto input =
      read_interruptibly(console.catcher, [] { return read_input("what goes with --prompt"); });
  if (!input) return input.error();
  return say(console, input->empty() ? prompt : prompt + "\n\n" + *input);
}

// At a terminal a mistake is said and the conversation goes on; else it ends.
Status converse(ChatConsole& console, LineSource& lines, bool is_terminal) {
  while (!console.ended) {
    const auto message =
        is_terminal ? read_message(lines)
                    : read_interruptibly(console.catcher, [&] { return read_message(lines); });
    if (!message) return message.error();
    if (!*message) {  // Ctrl-D
      [[maybe_unused]] const Status written = is_terminal ? write_output("\n") : Status();
      break;
    }
    const std::string& line = **message;
    if (line.find_first_not_of(" \t\n") == std::string::npos) continue;
    console.catcher.forget();
    Status status = line.starts_with("//") ? say(console, line.substr(1))
                    : line.front() == '/'  ? run_chat_command(console, line)
                                           : say(console, line);
    if (!is_terminal && (console.catcher.is_interrupted() || !status)) return status;
    report(status);
  }
  return {};
}

// What makes answers come again.
std::string draw_of(const SamplingParams& sampling) {
  return is_greedy(sampling) ? "temperature 0" : fmt::format("seed {}", sampling.seed);
}

Status run(Options options) {
  auto file = open_model(options.model);
  if (!file) return file.error();
  if (Status s = check_makes_text(**file); !s) return s;
  const auto tokenizer = (*file)->need_tokenizer();
  if (!tokenizer) return tokenizer.error();
  auto chat_template = make_template(**file, options);
  if (!chat_template)
    return Error{(*file)->file().path().string() + ": " + chat_template.error().message};
  auto sampling = options.sampling.params(**file);
  if (!sampling) return sampling.error();
  const auto engine_options = options.model.engine_options(**file);
  if (!engine_options) return engine_options.error();
  auto plan = (*file)->plan(*engine_options);
  if (!plan) return plan.error();
  auto engine = load_engine(**file, *engine_options, plan->context);
  if (!engine) return engine.error();

  const bool is_terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  const bool is_one_shot = !is_terminal && !options.prompt.empty();
  ChatSettings settings;
  settings.sampling = std::move(*sampling);
  settings.stop = options.sampling.stop;
  settings.min_tokens = options.sampling.min_tokens;
  settings.context = std::min(plan->context, (*engine)->longest_text());
  settings.max_tokens = options.max_tokens;
  settings.thinking_tokens = options.thinking_tokens;
  const bool drops = options.overflow.empty() ? !is_one_shot : options.overflow == "drop-oldest";
  settings.overflow = drops ? Overflow::kDropOldest : Overflow::kError;
  settings.is_terminal = isatty(STDOUT_FILENO) == 1;
  settings.has_styles = has_styles(STDOUT_FILENO);

  InterruptCatcher catcher({SIGINT});
  ChatSession session(**engine, **file, *chat_template, std::move(settings), catcher);
  session.history().set_system(options.system);
  if (!options.think.empty()) {
    if (Status s = session.set_thinking(options.think == "on"); !s) {
      return Error{"--think: " + s.error().message};
    }
  }
  ChatConsole console{session, catcher, {}, false};
  const Status attached = options.media.each([&](MediaFiles::Kind kind, const std::string& path) {
    const InterruptCatcher::Pause pause(catcher);  // if it is a pipe
    return attach_medium(console, kind, path, read_file);
  });
  if (!attached) return attached;
  if (!is_terminal) {
    Status ended = is_one_shot ? answer_once(console, options.prompt)
                               : converse(console, *make_plain_lines(), false);
    const bool has_answered = session.stats().context > 0;
    if (has_answered) note("{}\n", draw_of(session.settings().sampling));
    return ended;
  }
  note_context(*plan);
  note("{}, context of {} tokens, {}; /help lists the commands\n", shown_name(**file),
       plan->context, draw_of(session.settings().sampling));
  if (!options.prompt.empty()) report(say(console, options.prompt));
  auto editor = make_line_editor(history_path(), complete_chat_line);
  return converse(console, editor ? *editor : *make_plain_lines(), true);
}

}  // namespace

void add_chat(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("chat", "Talk with a model");
  app->footer(
      "Standard input that is not a terminal is a conversation with a message or a /command a\n"
      "line; with --prompt it is all one message.\n\n"
      "Examples:\n"
      "  linnet chat --gguf model.gguf\n"
      "  linnet chat --gguf model.gguf --system 'You are brief.' --think off\n"
      "  linnet chat --gguf model.gguf --mmproj auto --image cat.jpg --prompt 'What is this?'\n"
      "  linnet chat --gguf model.gguf --prompt 'Summarise' < notes.txt > summary.txt");
  auto options = std::make_shared<Options>();
  app->add_option("--system", options->system, "system message")->check(valid_text());
  app->add_option("--prompt", options->prompt, "first message");
  options->media.add_to(*app, "that goes with the first message");
  app->add_option("--chat-template", options->chat_template,
                  "built-in template or a file with one, for models whose own is missing or wrong")
      ->type_name("NAME|FILE");
  app->add_option("--think", options->think,
                  "whether the model thinks before it answers (default: what its template does)")
      ->check(CLI::IsMember({"on", "off"}));
  app->add_option("--reasoning-budget", options->thinking_tokens,
                  "most tokens that the model thinks before it answers (default: no limit)")
      ->check(whole_number_between(0, std::int64_t{1} << 30));
  app->add_option("--max-tokens,-m", options->max_tokens,
                  "most tokens of an answer (default: what the context holds)")
      ->check(whole_number_between(1, std::int64_t{1} << 30));
  app->add_option("--overflow", options->overflow,
                  "when the context is full, refuse the message or leave out the oldest turns "
                  "(default: drop-oldest; error for a single message)")
      ->check(CLI::IsMember({"error", "drop-oldest"}));
  options->sampling.add_to(*app, /*temperature=*/0.8f);
  options->model.add_to(*app);
  options->model.add_encoders_to(*app);
  options->model.add_speculation_to(*app);
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
