#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "base/machine.hpp"
#include "base/read_file.hpp"
#include "linnet/console.hpp"
#include "linnet/model_options.hpp"
#include "linnet/subcommand.hpp"
#include "serve/server.hpp"

namespace linnet::app {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kLongestKeyFileBytes = 1 << 20;

struct Options {
  ModelOptions model;
  serve::ServerOptions server;
  std::string alias;
  std::string chat_template;
  std::string api_key_file;
  std::int64_t kv_tokens = 0;
  std::int64_t body_mib = 8;
  std::int64_t drain_s = 30;
  bool logs = false;
};

Status read_keys(Options& options) {
  if (options.api_key_file.empty()) return {};
  auto text = read_file(options.api_key_file, kLongestKeyFileBytes);
  if (!text) return text.error();
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    if (end > begin) options.server.api_keys.push_back(text->substr(begin, end - begin));
    begin = end + 1;
  }
  if (options.server.api_keys.empty()) {
    return Error{options.api_key_file + ": expected an API key a line, found none"};
  }
  return {};
}

// Tokens of the KV cache that all texts share: some contexts, as far as half of what is left of
// memory holds them.
std::int64_t choose_kv_tokens(const MemoryPlan& plan, std::int64_t wanted) {
  if (wanted > 0) return std::max(wanted, plan.context);
  constexpr std::int64_t kContexts = 8;
  const std::int64_t many = plan.context * kContexts;
  if (plan.available_bytes == 0 || plan.kv_bytes_per_token == 0) return many;
  const std::int64_t left = plan.available_bytes - plan.weights_bytes - plan.state_bytes;
  return std::max(plan.context, std::min(many, left / 2 / plan.kv_bytes_per_token));
}

// SIGINT and SIGTERM are waited for, in all threads that begin after this.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Drains at the first signal; the second one ends the program.
void serve_until_signal(serve::Server& server, const sigset_t& signals, std::int64_t drain_s) {
  int signal = 0;
  sigwait(&signals, &signal);
  note("stopping: answers that are under way may take {} s\n", drain_s);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  if (!server.drain(std::chrono::seconds(drain_s))) note("some answers were not finished\n");
}

Status run(Options options) {
  if (Status s = read_keys(options); !s) return s;
  auto path = find_model(options.model);
  if (!path) return path.error();
  const sigset_t signals = block_signals();
  auto file = ModelFile::open(*path, options.model.pre_tokenizer);
  if (!file) return file.error();
  const EngineOptions engine_options = options.model.engine_options();
  const auto plan = (*file)->plan(engine_options);
  if (!plan) return plan.error();
  const std::string id =
      options.alias.empty() ? std::filesystem::path(*path).stem().string() : options.alias;
  auto model = serve::describe_model(**file, id, options.chat_template, plan->context);
  if (!model) return model.error();
  if (!model->chat) note("no chat: {}\n", printable(model->chat_problem));

  const std::int64_t kv_tokens = choose_kv_tokens(*plan, options.kv_tokens);
  options.server.body_bytes = static_cast<std::uint64_t>(options.body_mib * kMiB);
  if (options.logs) options.server.log = [](std::string_view line) { note("{}\n", line); };
  const std::string host = options.server.host;
  auto server = serve::Server::start(
      std::move(*model),
      [&file = **file, engine_options, kv_tokens] {
        return Engine::load(file, engine_options, kv_tokens);
      },
      std::move(options.server));
  if (!server) return server.error();
  if (Status s = (*server)->wait_until_loaded(); !s) return s;
  note("{} at http://{}:{} with a context of {} tokens and a cache for {}\n", printable(id), host,
       (*server)->port(), plan->context, kv_tokens);
  serve_until_signal(**server, signals, options.drain_s);
  return {};
}

void add_server_options(CLI::App& app, Options& options) {
  serve::ServerOptions& server = options.server;
  app.add_option("--host", server.host, "numeric address to listen at")->capture_default_str();
  app.add_option("--port", server.port, "port to listen at; 0: a free one")->capture_default_str();
  app.add_option("--api-key", server.api_keys,
                 "a key that clients must send; several may be given");
  app.add_option("--api-key-file", options.api_key_file, "file with an API key a line");
  app.add_flag("--insecure", server.insecure, "listen beyond this machine without any key");
  app.add_option("--parallel", server.most_running, "most texts generated side by side")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  app.add_option("--queue", server.most_waiting, "most texts that wait; more are refused with 429")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  app.add_option("--connections", server.most_connections, "most open connections")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--max-body-mib", options.body_mib, "most MiB of a request's body")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--drain-s", options.drain_s, "seconds that answers may take at SIGTERM")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  app.add_flag("--log", options.logs, "a line of JSON on stderr for each reply");
}

}  // namespace

void add_serve(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("serve", "Serve a model over HTTP, as OpenAI's API does");
  auto options = std::make_shared<Options>();
  add_server_options(*app, *options);
  app->add_option("--alias", options->alias, "the model's name in the API (default: the file's)");
  app->add_option("--chat-template", options->chat_template,
                  "a built-in chat template by name, or a file with one");
  app->add_option("--kv-tokens", options->kv_tokens,
                  "tokens in the KV cache of all texts together (default: up to 8 contexts)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31));
  options->model.add_to(*app);
  options->model.add_speculation_to(*app);
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
