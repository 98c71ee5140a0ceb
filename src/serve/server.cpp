#include "serve/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/guarded.hpp"
#include "serve/api.hpp"
#include "serve/http/connection.hpp"
#include "serve/http/connection_places.hpp"
#include "serve/http/gate.hpp"
#include "serve/http/news_round.hpp"
#include "serve/http/tls.hpp"
#include "serve/http/unix_socket.hpp"

namespace linnet::serve {
namespace {

namespace asio = boost::asio;
using boost::asio::ip::tcp;
using ErrorCode = boost::system::error_code;

// Bodies of the largest size that may be in memory at a time.
constexpr std::uint64_t kMostBodies = 16;

Result<tcp::endpoint> endpoint_of(const ServerOptions& options) {
  ErrorCode error;
  const auto address =
      asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
  if (error) {
    return Error{fmt::format("--host {}: expected a numeric address or localhost", options.host)};
  }
  if (!address.is_loopback() && options.api_keys.empty() && !options.insecure) {
    return Error{fmt::format(
        "--host {}: other machines can reach this address; give --api-key, or --insecure if "
        "everyone may use the model",
        options.host)};
  }
  return tcp::endpoint(address, options.port);
}

ConnectionPlaces make_places(const ServerOptions& options) {
  const std::size_t most = options.most_connections;
  const std::size_t asked = options.most_connections_of_address;
  return {most, asked > 0 ? asked : std::max<std::size_t>(1, most / 4)};
}

// A handler that throws, for want of memory mostly, ends by itself alone.
void run_to_the_end(asio::io_context& io) {
  const auto run = [&]() -> Status {
    io.run();
    return {};
  };
  while (!guarded(run)) {
  }
}

// Where it is served: an address, or a path.
struct Place {
  std::filesystem::path path;
  tcp::endpoint endpoint;

  // Other machines can't reach it, but the pages of a browser here can. (They reach no path.)
  bool is_loopback() const { return path.empty() && endpoint.address().is_loopback(); }
};

Result<Place> place_of(const ServerOptions& options) {
  Place place{socket_path(options.host), {}};
  if (!place.path.empty()) return place;
  auto endpoint = endpoint_of(options);
  if (!endpoint) return endpoint.error();
  place.endpoint = *endpoint;
  return place;
}

// To Asio a socket is what its file descriptor does.
Status listen_at_path(tcp::acceptor& acceptor, const std::filesystem::path& path) {
  auto descriptor = listen_at(path);
  if (!descriptor) return descriptor.error();
  ErrorCode error;
  acceptor.assign(tcp::v4(), *descriptor, error);
  return error ? Error{fmt::format("cannot listen at {}: {}", path.string(), error.message())}
               : Status();
}

ErrorCode listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  ErrorCode error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

// Where connections come in.
struct Door {
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  std::uint16_t port = 0;
  SocketFile file{};  // if there is no port
};

Result<std::unique_ptr<Door>> open_door(const Place& place, const std::string& where) {
  auto door = std::make_unique<Door>();
  if (!place.path.empty()) {
    if (Status s = listen_at_path(door->acceptor, place.path); !s) return s.error();
    door->file = SocketFile(place.path);
  } else if (const ErrorCode error = listen(door->acceptor, place.endpoint); error) {
    return Error{fmt::format("cannot listen at {}: {}", where, error.message())};
  } else {
    door->port = door->acceptor.local_endpoint().port();
  }
  return door;
}

}  // namespace

struct Server::State {
  // From here on the first model is loaded.
  State(std::vector<ModelToServe> served, ServerOptions given, bool loopback,
        std::unique_ptr<Door> opened)
      : options(std::move(given)),
        places(make_places(options)),
        keys(options.api_keys),
        rules(options.cors_origins, loopback && keys.empty()),
        models(std::move(served), options.engine,
               // There is no news before there are requests, for which all of this is there.
               [this](const Notices& notices) { news.add(notices); }),
        api(models, metrics, options.takes_any_model),
        gate(api, keys, rules, metrics, options.body_bytes * kMostBodies),
        context{api, readers, gate, metrics, {}, options.log, options.logs_content},
        door(std::move(opened)) {
    context.limits.body_bytes = options.body_bytes;
    context.limits.header_time = options.header_time;
    context.limits.body_time = options.body_time;
    context.limits.write_time = options.write_time;
  }

  asio::awaitable<void> accept_all();
  Status begin_connection(tcp::socket socket);
  void stop_accepting();

  // The order matters: what is first is destroyed last.
  const ServerOptions options;
  ConnectionPlaces places;
  ApiKeys keys;
  const BrowserRules rules;
  Metrics metrics;
  ModelSet models;
  Api api;
  Gate gate;
  ConnectionContext context;
  TlsContext tls;                                      // of new connections
  std::vector<std::weak_ptr<Connection>> connections;  // of the I/O thread
  const std::unique_ptr<Door> door;
  NewsRound news{door->io};
  RequestReaders readers;
  std::thread io_thread;
};

asio::awaitable<void> Server::State::accept_all() {
  while (door->acceptor.is_open()) {
    ErrorCode error;
    tcp::socket socket =
        co_await door->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    // No file descriptors or memory are left, perhaps.
    const Status begun = error ? Error{error.message()}
                               : guarded([&] { return begin_connection(std::move(socket)); });
    if (begun) continue;
    asio::steady_timer pause(door->io, std::chrono::milliseconds(100));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

Status Server::State::begin_connection(tcp::socket socket) {
  std::erase_if(connections, [](const auto& connection) { return connection.expired(); });
  Peer peer = peer_of(socket);
  auto place = places.take(peer.client);
  if (!place) {
    ++metrics.refused_connections;
    return {};  // which closes it
  }
  ErrorCode ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  auto connection = std::make_shared<Connection>(std::move(socket), tls, std::move(peer),
                                                 std::move(*place), context);
  connections.push_back(connection);
  asio::co_spawn(door->io, Connection::run(std::move(connection)), asio::detached);
  return {};
}

void Server::State::stop_accepting() {
  context.draining = true;
  // While somebody listens at it: from then on it may be another server's.
  door->file.remove();
  ErrorCode ignored;
  door->acceptor.close(ignored);
  for (const auto& weak : connections) {
    if (const auto connection = weak.lock()) connection->close_if_idle();
  }
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::start(std::vector<ModelToServe> models,
                                              ServerOptions options) {
  if (Status s = ModelSet::check_ids(models); !s) return s.error();
  const auto place = place_of(options);
  if (!place) return place.error();
  if (Status s = BrowserRules::check_origins(options.cors_origins); !s) return s.error();
  auto tls = load_tls(options.tls);
  if (!tls) return tls.error();
  const auto& cache_folder = options.engine.cache_folder;
  if (!cache_folder.empty()) {
    if (Status s = CacheFolder::prepare(cache_folder); !s) return s.error();
  }
  auto door = open_door(*place, fmt::format("{}:{}", options.host, options.port));
  if (!door) return door.error();
  auto state = std::make_unique<State>(std::move(models), std::move(options), place->is_loopback(),
                                       std::move(*door));
  state->tls = std::move(*tls);
  asio::co_spawn(state->door->io, state->accept_all(), asio::detached);
  state->io_thread = std::thread([&io = state->door->io] { run_to_the_end(io); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
  state_->door->io.stop();
  state_->io_thread.join();
  state_->door->file.remove();
  state_->context.ended = true;
  state_->readers.stop();
  // Their notes to connections go nowhere from here on, but need the I/O context.
  state_->models.stop();
}

std::uint16_t Server::port() const { return state_->door->port; }

Status Server::wait_until_loaded() { return state_->models.first().engine->wait_until_loaded(); }

Status Server::reload(std::vector<ApiKey> keys) {
  auto tls = load_tls(state_->options.tls);
  if (!tls) return tls.error();
  asio::post(state_->door->io,
             [state = state_.get(), keys = std::move(keys), tls = std::move(*tls)] {
               if (!keys.empty()) state->keys.replace(keys);
               state->tls = tls;
             });
  return {};
}

bool Server::drain(std::chrono::milliseconds most) {
  asio::post(state_->door->io, [state = state_.get()] { state->stop_accepting(); });
  const auto end = std::chrono::steady_clock::now() + most;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (state_->metrics.connections == 0) return true;
  }
  return state_->metrics.connections == 0;
}

}  // namespace linnet::serve
