// What the server adds to a token: the same texts from the bare engine, and as streams over HTTP.
//
//   serve_bench [MODEL] [STREAMS] [TOKENS] [THREADS]      (the bundled model, 32, 200, all)

#include <fmt/format.h>
#include <poll.h>

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

constexpr int kRepeats = 5;

struct Load {
  std::string model = LINNET_SOURCE_DIR "/models/linnet-kjv.gguf";
  int streams = 32;
  int tokens = 200;
  int threads = 0;
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
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
double run_engine(Engine& engine, const ModelFile& file, const Load& load) {
  const auto prompt = file.tokenizer()->encode("And the", {.add_special = true});
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < load.streams; ++i) {
    GenerateRequest request;
    request.prompt = *prompt;
    request.max_tokens = load.tokens;
    request.sampling.temperature = 0.0f;
    request.on_token = [](std::int32_t) { return true; };
    if (!engine.submit(std::move(request))) std::exit(1);
  }
  while (!engine.idle()) {
    if (!engine.step()) std::exit(1);
  }
  return seconds_since(begin);
}

// The same over HTTP: all streams are read by one thread, which does nothing else with them.
double run_server(std::uint16_t port, const Load& load) {
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
    open.push_back({clients.back()->descriptor(), POLLIN, 0});
  }
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& client : clients) client->send(request);
  char bytes[65536];
  while (!open.empty()) {
    poll(open.data(), open.size(), -1);
    std::erase_if(open, [&](const pollfd& stream) {
      return stream.revents != 0 && recv(stream.fd, bytes, sizeof bytes, 0) <= 0;
    });
  }
  return seconds_since(begin);
}

// Microseconds that a token takes of the time of all streams together; the median of some runs.
template <class Run>
double measure(const Load& load, const Run& run) {
  run();
  std::vector<double> times;
  for (int i = 0; i < kRepeats; ++i) times.push_back(run());
  std::ranges::nth_element(times, times.begin() + kRepeats / 2);
  return times[kRepeats / 2] / (load.streams * load.tokens) * 1e6;
}

int run(const Load& load) {
  auto file = ModelFile::open(load.model);
  if (!file) return 1;
  const auto engine = load_engine(**file, load);
  const double bare_us = measure(load, [&] { return run_engine(*engine, **file, load); });
  auto model = serve::describe_model(**file, "model", "", load.tokens + 64);
  serve::ServerOptions options;
  options.port = 0;
  auto server = serve::Server::start(
      std::move(*model), [&] { return Result(load_engine(**file, load)); }, options);
  if (!server || !(*server)->wait_until_loaded()) return 1;
  const double served_us = measure(load, [&] { return run_server((*server)->port(), load); });
  fmt::print("{} streams of {} tokens: bare {:.2f} us a token, served {:.2f} us, {:+.1f} %\n",
             load.streams, load.tokens, bare_us, served_us, (served_us / bare_us - 1) * 100);
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
