#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "serve/http/connection_places.hpp"
#include "serve/http/event_stream.hpp"
#include "serve/http/exchange.hpp"
#include "serve/http/gate.hpp"
#include "serve/http/transport.hpp"

namespace linnet::serve {

/// What a client may send, and how long it may take for it.
struct ConnectionLimits {
  std::uint32_t header_bytes = 16 << 10;
  std::uint64_t body_bytes = 32 << 20;
  std::chrono::seconds header_time{30};  ///< also how long a connection may stay idle
  std::chrono::seconds body_time{60};
  std::chrono::seconds write_time{30};  ///< for a part of an answer
};

/// Where requests are read, prompts encoded and schemas compiled: quick ones do not wait for those
/// that may take long. Each is one thread, so that the engine keeps most of the machine.
struct RequestReaders {
  boost::asio::thread_pool quick{1};
  boost::asio::thread_pool patient{1};

  /// Waits for what runs; the rest is dropped.
  void stop();
};

/// What connections share. Belongs to the I/O thread.
struct ConnectionContext {
  Api& api;
  RequestReaders& readers;
  Gate& gate;
  Metrics& metrics;
  ConnectionLimits limits;
  std::function<void(std::string_view line)> log;  ///< may be empty
  bool logs_content = false;                       ///< what is asked and answered, too
  bool draining = false;                           ///< each connection ends after its answer
  std::atomic<bool> ended{false};                  ///< nobody waits for an answer any more
};

/// One client's connection: reads requests, asks the API, writes the answers. It ends its request's
/// work when the client goes away. Belongs to the I/O thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `context` must outlive this. `tls` may be null. `peer` is who is at the other end of `socket`.
  Connection(boost::asio::ip::tcp::socket socket, TlsContext tls, Peer peer,
             ConnectionPlaces::Place place, ConnectionContext& context);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Serves the client until one of the two sides ends it.
  static boost::asio::awaitable<void> run(std::shared_ptr<Connection> self);
  /// Closes the connection if it waits for a request.
  void close_if_idle();

 private:
  using Response = boost::beast::http::response<boost::beast::http::string_body>;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using ErrorCode = boost::beast::error_code;

  boost::asio::awaitable<bool> serve_one();
  ApiReply unreadable_reply(ErrorCode error) const;
  void begin_exchange(const Parser& parser);
  boost::asio::awaitable<bool> finish_exchange(Parser& parser);
  boost::asio::awaitable<ErrorCode> read_body(Parser& parser);
  boost::asio::awaitable<bool> refuse(ApiReply reply, bool has_unread_body);
  boost::asio::awaitable<ApiReply> handle();
  boost::asio::awaitable<bool> answer();
  boost::asio::awaitable<bool> answer_whole(std::unique_ptr<PendingAnswer> pending);
  boost::asio::awaitable<bool> send(ApiReply reply);
  boost::asio::awaitable<bool> send_events(PendingAnswer& answer);
  boost::asio::awaitable<bool> send_rest(EventStream& stream);
  boost::asio::awaitable<void> wait_until_finished(PendingAnswer& answer);
  boost::asio::awaitable<void> wait_for_news(std::chrono::steady_clock::time_point most);
  void set_common_headers(boost::beast::http::fields& fields) const;
  void take_news();
  void watch_for_end();
  void look_for_end();
  void record(PendingAnswer* answer);

  Transport transport_;
  ConnectionContext& context_;
  boost::beast::flat_buffer buffer_;
  boost::asio::steady_timer news_;   // cancelled when there is something to do for the coroutine
  boost::asio::steady_timer watch_;  // until the next look whether the client is still there
  EventStream* stream_ = nullptr;    // while one is being sent
  const Peer peer_;
  const ConnectionPlaces::Place place_;
  Exchange exchange_;
  std::string answer_text_;  // for the log, where it is to have it
  bool idle_ = true;
  std::atomic<bool> client_gone_ = false;  // also read by threads that read requests
};

}  // namespace linnet::serve
