#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serve/engine_thread.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

struct ServerOptions {
  std::string host = "127.0.0.1";  ///< a numeric address, or localhost
  std::uint16_t port = 8080;       ///< 0: a free one
  std::vector<std::string> api_keys;
  bool insecure = false;          ///< listen beyond this machine even without keys
  std::size_t most_running = 32;  ///< texts generated side by side
  std::size_t most_waiting = 1024;
  std::size_t most_connections = 4096;
  std::uint64_t body_bytes = 8 << 20;
  std::chrono::seconds header_time{30};  ///< for the header of a request
  /// Called from the I/O thread with one line of JSON a reply; may be empty.
  std::function<void(std::string_view line)> log;
};

/// The HTTP server: a thread for the connections and one for the engine. All members may be called
/// from any thread.
class Server {
 public:
  /// Listens at once; the model is loaded meanwhile, by `loader`. Errors: an address that can't be
  /// listened at, or that other machines can reach although there are no keys.
  static Result<std::unique_ptr<Server>> start(ServedModel model, EngineThread::Loader loader,
                                               ServerOptions options);
  /// Ends all connections and waits for the step of the engine that runs.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  /// The Error why the model could not be loaded.
  Status wait_until_loaded();
  /// Accepts nothing new and waits until all answers are sent; false if that takes longer than
  /// `most`.
  bool drain(std::chrono::milliseconds most);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace linnet::serve
