#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serve/access/api_keys.hpp"
#include "serve/http/tls_files.hpp"
#include "serve/model_set.hpp"

namespace linnet::serve {

struct ServerOptions {
  /// A numeric address, localhost, or a socket in the file system: see socket_path().
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0: a free one
  std::vector<ApiKey> api_keys;
  bool insecure = false;  ///< listen beyond this machine even without keys
  TlsFiles tls;
  std::vector<std::string> cors_origins;  ///< whose pages may use the server; *: all
  bool takes_any_model = false;           ///< an unknown name means the first model
  EngineLimits engine;
  std::size_t most_connections = 4096;
  /// The same from one address (IPv6: a network of 64 bits) of another machine; 0: a quarter.
  std::size_t most_connections_of_address = 0;
  std::uint64_t body_bytes = 32 << 20;   ///< of a request
  std::chrono::seconds header_time{30};  ///< for the header of a request
  std::chrono::seconds body_time{60};    ///< for its body
  std::chrono::seconds write_time{30};   ///< for a client to take a part of an answer
  /// Called from the I/O thread with one line of JSON a reply; may be empty.
  std::function<void(std::string_view line)> log;
  bool logs_content = false;  ///< with what is asked and answered
};

/// The HTTP server: a thread for the connections, two that read requests (see RequestReaders), and
/// one for each model. All members may be called from any thread.
class Server {
 public:
  /// Listens at once; the first model is loaded meanwhile, see ModelSet. `models` has at least one.
  /// Errors: two models of the same name; an address that can't be listened at, or that other
  /// machines can reach although there are no keys; TLS files that can't be used; a cache folder
  /// that can't be written.
  static Result<std::unique_ptr<Server>> start(std::vector<ModelToServe> models,
                                               ServerOptions options);
  /// Ends all connections and waits for the step of the engine that runs.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// 0: it listens at a socket in the file system.
  std::uint16_t port() const;
  /// The Error why the first model could not be loaded.
  Status wait_until_loaded();
  /// From now on, these keys are the valid ones; requests under way go on. Ignored if there would
  /// be no key any more. The TLS files are read again for new connections; an Error leaves
  /// everything as it was.
  Status reload(std::vector<ApiKey> keys);
  /// Accepts nothing new and waits until all answers are sent; false if that takes longer than
  /// `most`.
  bool drain(std::chrono::milliseconds most);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace linnet::serve
