#pragma once

// awaitable.hpp of Boost 1.74 needs <utility> and does not include it.
// clang-format off
#include <utility>
#include <boost/asio/awaitable.hpp>
// clang-format on
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "serve/api.hpp"

namespace linnet::serve {

/// What a client may send, and how long it may take for it.
struct ConnectionLimits {
  std::uint32_t header_bytes = 16 << 10;
  std::uint64_t body_bytes = 8 << 20;
  std::chrono::seconds header_time{30};  ///< also how long a connection may stay idle
  std::chrono::seconds body_time{60};
  std::chrono::seconds write_time{30};  ///< for a part of an answer
};

/// What connections share. Belongs to the I/O thread.
struct ConnectionContext {
  Api& api;
  Metrics& metrics;
  ConnectionLimits limits;
  std::function<void(std::string_view line)> log;  ///< may be empty
  bool draining = false;                           ///< each connection ends after its answer
};

/// One client's connection: reads requests, asks the API, writes the answers. It ends its request's
/// work when the client goes away. Belongs to the I/O thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `context` must outlive this.
  Connection(boost::asio::ip::tcp::socket socket, ConnectionContext& context);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Serves the client until one of the two sides ends it.
  static boost::asio::awaitable<void> run(std::shared_ptr<Connection> self);
  /// Closes the connection if it waits for a request.
  void close_if_idle();

 private:
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using ErrorCode = boost::beast::error_code;

  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<ErrorCode> read_body(Parser& parser);
  boost::asio::awaitable<void> refuse_unread(ErrorCode error);
  boost::asio::awaitable<bool> answer(const Request& request);
  boost::asio::awaitable<bool> send(ApiReply reply, unsigned version, bool keep_alive);
  boost::asio::awaitable<bool> send_events(PendingAnswer& answer, unsigned version,
                                           bool keep_alive);
  boost::asio::awaitable<bool> send_part(std::string text, bool chunked, bool is_last);
  boost::asio::awaitable<void> wait_until_finished(PendingAnswer& answer);
  boost::asio::awaitable<void> wait_for_news(std::chrono::seconds most);
  ApiRequest api_request(const Request& request);
  void set_common_headers(boost::beast::http::fields& fields) const;
  void watch_for_end();
  void log_reply(const ApiRequest& request, int status) const;

  boost::beast::tcp_stream stream_;
  ConnectionContext& context_;
  boost::beast::flat_buffer buffer_;
  boost::asio::steady_timer news_;  // cancelled when an answer has something new
  std::string request_id_;
  std::chrono::steady_clock::time_point request_start_;
  bool idle_ = true;
  bool client_gone_ = false;
};

}  // namespace linnet::serve
