#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "base/read_file.hpp"
#include "base/units.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/served_models.hpp"
#include "linnet/server_signals.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "serve/server.hpp"

namespace linnet::app {
namespace {

constexpr std::int64_t kLongestKeyFileBytes = 1 << 20;

struct Options {
  ServedModelsOptions models;
  serve::ServerOptions server;
  std::vector<std::string> api_keys;
  std::string api_key_file;
  std::string cache_folder;
  std::int64_t port = 8080;
  std::int64_t most_gap_ms = 200;
  std::int64_t body_mib = 32;
  std::int64_t drain_s = 30;
  std::int64_t idle_minutes = 0;  // 0: a model stays
  bool logs = false;
};

// `read`: how the file is read, if there is one.
Result<std::vector<serve::ApiKey>> read_keys(const Options& options, FileReader& read) {
  std::vector<serve::ApiKey> keys;
  for (const std::string& secret : options.api_keys) keys.push_back({secret, "", {}});
  if (options.api_key_file.empty()) return keys;
  auto text = read(options.api_key_file, kLongestKeyFileBytes);
  if (!text) return text.error();
  auto more = serve::parse_api_keys(*text);
  if (!more) return Error{options.api_key_file + ": " + more.error().message};
  keys.insert(keys.end(), more->begin(), more->end());
  return keys;
}

// The files that this one opens while it counts are among them.
std::size_t count_open_files() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  return error ? 0 : static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

// How many connections there may be, of those `wanted`: each takes a file descriptor. The limit is
// raised up to the hard one.
Result<std::size_t> allow_connections(std::size_t wanted) {
  constexpr std::size_t kSpare = 32;  // for the server itself, draft models and caches
  const std::size_t others = count_open_files() + kSpare;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= others + wanted) return wanted;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, others + wanted);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur <= others) {
    return Error{fmt::format(
        "the server needs {} open files, and one more for each connection, but the system allows "
        "{} (`ulimit -n`)",
        others, limit.rlim_cur)};
  }
  const std::size_t most = std::min<std::size_t>(wanted, limit.rlim_cur - others);
  if (most < wanted) {
    note("the system allows {} open files, so at most {} of {} connections\n", limit.rlim_cur, most,
         wanted);
  }
  return most;
}

void reload(serve::Server& server, const Options& options) {
  // A pipe may keep a reader forever, and signals with it.
  auto keys = read_keys(options, read_regular_file);
  const Status status = keys ? server.reload(std::move(*keys)) : Status(keys.error());
  if (status) {
    note("keys and certificates were read again\n");
  } else {
    note("nothing has changed: {}\n", printable(status.error().message));
  }
}

// Until the model is there, Ctrl-C ends the program at once.
Status wait_for_model(serve::Server& server, std::string_view id, const ServerSignals& signals) {
  const PassingNote note(fmt::format("loading {}", printable(id)));
  signals.let_end();
  Status status = server.wait_until_loaded();
  signals.block();
  return status;
}

// Where the server is, for a browser; port 0: the host is a socket in the file system.
std::string address_of(const serve::ServerOptions& options, int port) {
  const std::string& host = options.host;
  if (port == 0) return host;
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", options.tls.certificate.empty() ? "http" : "https",
                     is_v6 ? "[" + host + "]" : host, port);
}

// Reads keys again when it is asked to. Drains at the first signal to end; the second one ends the
// program.
void serve_until_signal(serve::Server& server, const ServerSignals& signals,
                        const Options& options) {
  while (signals.wait() == ServerSignals::Request::kReload) reload(server, options);
  note("stopping\n");
  signals.let_end();
  constexpr auto kUnnoticed = std::chrono::milliseconds(200);
  if (server.drain(kUnnoticed)) return;
  note("answers that are under way may take {} s\n", options.drain_s);
  if (!server.drain(std::chrono::seconds(options.drain_s))) {
    note("some answers were not finished\n");
  }
}

// The options as the server takes them.
serve::ServerOptions server_options(const Options& options, std::vector<serve::ApiKey> keys) {
  serve::ServerOptions server = options.server;
  server.port = static_cast<std::uint16_t>(options.port);
  server.api_keys = std::move(keys);
  server.body_bytes = static_cast<std::uint64_t>(options.body_mib * kMiB);
  server.engine.most_gap = std::chrono::milliseconds(options.most_gap_ms);
  server.engine.cache_folder = options.cache_folder;
  if (options.idle_minutes > 0) {
    server.engine.most_idle = std::chrono::minutes(options.idle_minutes);
  }
  server.engine.on_unsaved = [](std::string_view problem) {
    note("a text is not kept for the next start, and later ones may not be: {}\n",
         printable(problem));
  };
  server.engine.room.most_loaded = options.models.most_loaded();
  if (options.logs || server.logs_content) {
    server.log = [](std::string_view line) { note("{}\n", line); };
  }
  return server;
}

// Where the server is, and what it has.
void note_models(const std::vector<PlannedModel>& models, const serve::ServerOptions& options,
                 int port) {
  const std::string where = " at " + printable(address_of(options, port));
  std::string lines;
  for (const PlannedModel& model : models) {
    lines += fmt::format("{}{} with a context of {} tokens and a cache for {}{}\n",
                         printable(model.id), lines.empty() ? where : "", model.plan.context,
                         model.kv_tokens, lines.empty() ? "" : ", loaded when it is asked for");
  }
  note("{}", lines);  // at once: programs look for it
}

Status serve_models(std::vector<PlannedModel> models, const Options& options,
                    serve::ServerOptions server_options, const ServerSignals& signals) {
  const auto connections = allow_connections(server_options.most_connections);
  if (!connections) return connections.error();
  server_options.most_connections = *connections;
  auto server = serve::Server::start(models_to_serve(models), server_options);
  if (!server) return server.error();
  if (Status s = wait_for_model(**server, models.front().id, signals); !s) return s;
  note_models(models, server_options, (*server)->port());
  serve_until_signal(**server, signals, options);
  return {};
}

Status run(const Options& options) {
  auto keys = read_keys(options, read_file);
  if (!keys) return keys.error();
  auto models = plan_models(options.models);
  if (!models) return models.error();
  const ServerSignals signals(!options.api_key_file.empty() ||
                              !options.server.tls.certificate.empty());
  return serve_models(std::move(*models), options, server_options(options, std::move(*keys)),
                      signals);
}

void add_access_options(CLI::App& app, Options& options) {
  serve::ServerOptions& server = options.server;
  app.add_option("--host", server.host,
                 "address to listen at: a numeric one, localhost, or a socket as unix:PATH")
      ->capture_default_str();
  app.add_option("--port", options.port, "port to listen at; 0: a free one")
      ->check(whole_number_between(0, 65535))
      ->capture_default_str();
  app.add_option("--api-key", options.api_keys, "API key that clients must send; repeatable")
      ->allow_extra_args(false);
  app.add_option("--api-key-file", options.api_key_file,
                 "file with one API key per line, and quotas if wanted; read again at SIGHUP")
      ->type_name("FILE");
  app.add_flag("--insecure", server.insecure, "let other machines connect without a key");
  auto* const certificate = app.add_option("--tls-cert", server.tls.certificate,
                                           "PEM file with the certificate, for https")
                                ->type_name("FILE");
  auto* const key = app.add_option("--tls-key", server.tls.key, "PEM file with its private key")
                        ->type_name("FILE");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--cors-origin", server.cors_origins,
                 "scheme://host whose web pages may use the server; repeatable")
      ->allow_extra_args(false);
}

void add_name_options(CLI::App& app, Options& options) {
  app.add_flag("--any-model", options.server.takes_any_model,
               "answer requests that name an unknown model with the first model");
}

void add_load_options(CLI::App& app, Options& options) {
  serve::ServerOptions& server = options.server;
  app.add_option("--parallel", server.engine.most_running, "most texts generated at the same time")
      ->check(whole_number_between(1, 32))
      ->capture_default_str();
  app.add_option("--queue", server.engine.most_waiting,
                 "most texts that may wait; more are refused with status 429")
      ->check(whole_number_between(0, 1 << 20))
      ->capture_default_str();
  app.add_option("--max-itl-ms", options.most_gap_ms,
                 "longest time in ms between two tokens of a text while other prompts are read")
      ->check(whole_number_between(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--cache-dir", options.cache_folder,
                 "folder that keeps the cache of the latest texts over a restart")
      ->type_name("FOLDER");
  app.add_option("--connections", server.most_connections, "most open connections")
      ->check(whole_number_between(1, 1 << 20))
      ->capture_default_str();
  app.add_option(
         "--connections-per-address", server.most_connections_of_address,
         "most open connections from one address of another machine (default: a quarter of them)")
      ->check(whole_number_between(1, 1 << 20));
  app.add_option("--max-body-mib", options.body_mib, "largest body of a request, in MiB")
      ->check(whole_number_between(1, 1024))
      ->capture_default_str();
  app.add_option("--drain-s", options.drain_s,
                 "seconds that running answers may still take after SIGTERM")
      ->check(whole_number_between(0, 1 << 20))
      ->capture_default_str();
  app.add_option("--idle-minutes", options.idle_minutes,
                 "minutes without a request after which a model leaves the memory; the next "
                 "request loads it again (default: it leaves when another model needs the room)")
      ->check(whole_number_between(1, 1 << 20));
  app.add_flag("--log", options.logs, "write a line of JSON to standard error for each reply");
  app.add_flag("--log-content", server.logs_content,
               "the same, with the text of requests and answers");
}

}  // namespace

void add_serve(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("serve", "Serve models over HTTP, as OpenAI's API does");
  auto options = std::make_shared<Options>();
  add_access_options(*app, *options);
  add_load_options(*app, *options);
  add_name_options(*app, *options);
  options->models.add_to(*app);
  app->footer(
      "The server prints its address: open it in a browser to use the model there.\n"
      "Examples of requests are in docs/serving.md.\n"
      "\n"
      "Examples:\n"
      "  linnet serve --gguf model.gguf\n"
      "  linnet serve --gguf model.gguf --host 0.0.0.0 --api-key-file keys.txt\n"
      "  linnet serve --gguf small.gguf --gguf large.gguf\n"
      "  linnet serve --gguf small.gguf --gguf large.gguf --lora large=style.gguf:0.7\n"
      "  linnet serve --gguf ~/models --models-loaded 1\n"
      "  linnet serve --gguf model.gguf --ctx 8192 --parallel 8 --cache-dir /var/cache/linnet");
  app->callback([options, &exit_status] {
    if (Status s = options->models.sources.list_folders(); !s) {
      exit_status = report(s);
      return;
    }
    if (const std::string problem = options->models.problem(); !problem.empty()) {
      throw CLI::ValidationError(problem);
    }
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
