// What the server adds to a token: the same texts from the bare engine, and as streams over HTTP.
// The clients run in this process; what their thread takes of the processors is told apart.
//
//   serve_bench [MODEL] [STREAMS] [TOKENS] [THREADS]      (the bundled model, 32, 200, all)

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "../tests/support/http_client.hpp"
#include "serve/server.hpp"

namespace linnet {
namespace {

constexpr int kRepeats = 15;
// Clients are woken when so much has come, or all, so that they take little of the processors, as
// if they were elsewhere.
constexpr int kClientBytes = 32 << 10;

struct Load {
  std::string model = LINNET_SOURCE_DIR "/models/linnet-kjv.gguf";
  int streams = 32;
  int tokens = 200;
  int threads = 0;
};

/// What a run took, in seconds.
struct Cost {
  double wall_s = 0.0;
  double cpu_s = 0.0;     ///< of all threads
  double client_s = 0.0;  ///< of these, of the thread that reads the streams
};

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// What `run` takes; the caller's thread is the client.
template <class Run>
Cost cost_of(const Run& run) {
  const auto begin = std::chrono::steady_clock::now();
  const double cpu_s = cpu_seconds(RUSAGE_SELF), client_s = cpu_seconds(RUSAGE_THREAD);
  run();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  return {wall.count(), cpu_seconds(RUSAGE_SELF) - cpu_s, cpu_seconds(RUSAGE_THREAD) - client_s};
}

std::unique_ptr<Engine> load_engine(const ModelFile& file, const Load& load) {
  EngineOptions options;
  options.threads = load.threads;
  auto engine = Engine::load(file, options, std::int64_t{load.streams} * (load.tokens + 64));
  if (!engine) {
    fmt::print(stderr, "{}\n", engine.error().message);
    std::exit(1);
  }
  return std::move(*engine);
}

// Texts of the engine alone, which nobody sees.
Cost run_engine(Engine& engine, const ModelFile& file, const Load& load) {
  const auto prompt = file.tokenizer()->encode("And the", {.add_special = true});
  for (int i = 0; i < load.streams; ++i) {
    GenerateRequest request;
    request.prompt = *prompt;
    request.max_tokens = load.tokens;
    request.sampling.temperature = 0.0f;
    request.on_token = [](std::int32_t) { return true; };
    if (!engine.submit(std::move(request))) std::exit(1);
  }
  return cost_of([&] {
    while (!engine.idle()) {
      if (!engine.step()) std::exit(1);
    }
  });
}

// The same over HTTP: all streams are read by one thread, which does nothing else with them.
Cost run_server(std::uint16_t port, const Load& load) {
  const nlohmann::json body = {{"prompt", "And the"},
                               {"max_tokens", load.tokens},
                               {"temperature", 0},
                               {"ignore_eos", true},
                               {"stream", true}};
  const std::string request = test::http_request("POST", "/v1/completions", body.dump());
  std::vector<std::unique_ptr<test::TcpClient>> clients;
  std::vector<pollfd> open;
  for (int i = 0; i < load.streams; ++i) {
    clients.push_back(std::make_unique<test::TcpClient>(port));
    setsockopt(clients.back()->descriptor(), SOL_SOCKET, SO_RCVLOWAT, &kClientBytes,
               sizeof kClientBytes);
    open.push_back({clients.back()->descriptor(), POLLIN, 0});
  }
  return cost_of([&] {
    for (const auto& client : clients) client->send(request);
    char bytes[65536];
    while (!open.empty()) {
      poll(open.data(), open.size(), -1);
      std::erase_if(open, [&](const pollfd& stream) {
        return stream.revents != 0 && recv(stream.fd, bytes, sizeof bytes, 0) <= 0;
      });
    }
  });
}

// Microseconds of each kind that a token takes of the time of all streams together; of the run with
// the median time.
Cost per_token_us(std::vector<Cost> costs, const Load& load) {
  const auto median = costs.begin() + std::ssize(costs) / 2;
  std::ranges::nth_element(costs, median, {}, &Cost::wall_s);
  const double to_us = 1e6 / (load.streams * load.tokens);
  return {median->wall_s * to_us, median->cpu_s * to_us, median->client_s * to_us};
}

int run(const Load& load) {
  auto file = ModelFile::open(load.model);
  if (!file) return 1;
  const auto engine = load_engine(**file, load);
  auto model = serve::describe_model(**file, "model", "", load.tokens + 64);
  serve::ServerOptions options;
  options.port = 0;
  std::vector<serve::ModelToServe> models;
  models.push_back({std::move(*model), {[&] { return Result(load_engine(**file, load)); }}});
  auto server = serve::Server::start(std::move(models), options);
  if (!server || !(*server)->wait_until_loaded()) return 1;
  std::vector<Cost> bare, served;
  for (int i = 0; i <= kRepeats; ++i) {  // in turns, so that both see the same machine
    bare.push_back(run_engine(*engine, **file, load));
    served.push_back(run_server((*server)->port(), load));
    if (i == 0) bare.clear(), served.clear();  // caches were filled
  }
  const Cost bare_us = per_token_us(bare, load), served_us = per_token_us(served, load);
  fmt::print("{} streams of {} tokens, microseconds a token:\n", load.streams, load.tokens);
  fmt::print("bare    {:.2f}, of the processors {:.2f}\n", bare_us.wall_s, bare_us.cpu_s);
  fmt::print("served  {:.2f}, of the processors {:.2f}, of these the clients {:.2f}\n",
             served_us.wall_s, served_us.cpu_s, served_us.client_s);
  fmt::print("the server adds {:+.1f} %\n", (served_us.wall_s / bare_us.wall_s - 1) * 100);
  return 0;
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  linnet::Load load;
  if (argc > 1) load.model = argv[1];
  if (argc > 2) load.streams = std::atoi(argv[2]);
  if (argc > 3) load.tokens = std::atoi(argv[3]);
  if (argc > 4) load.threads = std::atoi(argv[4]);
  return linnet::run(load);
}
