#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <new>
#include <sstream>

#include "linnet/options/checks.hpp"
#include "linnet/options/help_formatter.hpp"
#include "linnet/options/usage.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/own_stack.hpp"

namespace linnet::app {
namespace {

constexpr std::array kSubcommands = {
    Subcommand{add_generate},   Subcommand{add_chat},       Subcommand{add_serve},
    Subcommand{add_embed},      Subcommand{add_rerank},     Subcommand{add_pull},
    Subcommand{add_cache},      Subcommand{add_inspect},    Subcommand{add_bench},
    Subcommand{add_perplexity}, Subcommand{add_importance}, Subcommand{add_quantize},
    Subcommand{add_edit},       Subcommand{add_split},      Subcommand{add_merge},
    Subcommand{add_tokenize},   Subcommand{add_grammar},    Subcommand{add_architectures},
    Subcommand{add_logits},     Subcommand{add_template},   Subcommand{add_synth},
    Subcommand{add_completion},
};

// A mapped file that is cut while it is read raises SIGBUS, in several threads perhaps: end with
// one sentence, not with a core dump.
void on_bus_error(int) {
  static std::atomic_flag is_said;
  while (is_said.test_and_set()) pause();
  constexpr char kMessage[] = "linnet: a file was cut or became unreadable while it was in use\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  _exit(kFailed);
}

// Texts may be empty, other values not.
void refuse_empty_values(CLI::App& app) {
  constexpr std::array<std::string_view, 4> kTexts = {"--prompt", "--system", "--document", "text"};
  for (CLI::App* subcommand : app.get_subcommands({})) {
    for (CLI::Option* option : subcommand->get_options()) {
      const std::string name = option->get_name();
      const bool is_flag = option->get_items_expected_max() == 0;
      if (!is_flag && std::ranges::find(kTexts, name) == kTexts.end()) option->check(not_empty());
    }
  }
}

int refuse(const CLI::App& app, const std::string& problem) {
  const auto parsed = app.get_subcommands();
  const std::string command = parsed.empty() ? "" : parsed.front()->get_name() + " ";
  note("{}\nlinnet {}--help tells the options\n", problem, command);
  return kUsage;
}

int run(int argc, char** argv) {
  CLI::App app{
      "Runs language models from GGUF files.\n\n"
      "  linnet generate --prompt 'In the beginning'\n"
      "  linnet generate --gguf model.gguf --prompt 'Once upon a time' -m 200\n"
      "  linnet generate --repo OWNER/NAME --gguf FILE --prompt 'Hello'\n"
      "  linnet chat --gguf model.gguf\n"
      "  linnet serve --gguf model.gguf\n"
      "  linnet inspect --gguf model.gguf\n"};
  app.name("linnet");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("-V,--version", "linnet " LINNET_VERSION);
  app.require_subcommand(1);
  int exit_status = kDone;
  for (const Subcommand& subcommand : kSubcommands) subcommand.add(app, exit_status);
  app.footer("linnet COMMAND --help lists the options of a command.");  // not of theirs, above
  for (CLI::App* subcommand : app.get_subcommands({})) subcommand->group("Commands");
  refuse_empty_values(app);
  std::vector<std::string> arguments = read_arguments(argc, argv);
  if (const std::string problem = command_problem(app, arguments); !problem.empty()) {
    note("{}\nlinnet --help describes them\n", problem);
    return kUsage;
  }
  std::ranges::reverse(arguments);  // as CLI11 takes them
  try {
    app.parse(arguments);
  } catch (const CLI::Success& asked) {  // for help or the version
    if (const std::string problem = help_problem(app, read_arguments(argc, argv));
        !problem.empty()) {
      return refuse(app, problem);
    }
    std::ostringstream out, err;
    app.exit(asked, out, err);
    return report(write_output(out.str()));
  } catch (const CLI::ParseError& error) {
    return refuse(app, printable(usage_problem(app, error, read_arguments(argc, argv))));
  }
  return exit_status;
}

// What goes wrong besides what report() tells.
int run_guarded(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    write_note("linnet: there is not enough memory\n");
  } catch (const std::exception& error) {  // of a library that we call
    write_note("linnet: ");
    write_note(error.what());
    write_note("\n");
  }
  return kFailed;
}

}  // namespace

int report(const Status& status) {
  if (status) return kDone;
  note("linnet: {}\n", printable(status.error().message));
  return kFailed;
}

}  // namespace linnet::app

int main(int argc, char** argv) {
  linnet::app::fill_standard_streams();
  std::signal(SIGBUS, linnet::app::on_bus_error);
  // A closed stdout and a file that may not grow are seen when they are written to.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return linnet::app::run_on_own_stack([&] { return linnet::app::run_guarded(argc, argv); });
}
