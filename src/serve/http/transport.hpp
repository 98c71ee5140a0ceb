#pragma once

// awaitable.hpp of Boost 1.74 needs <utility> and does not include it.
// clang-format off
#include <utility>
#include <boost/asio/awaitable.hpp>
// clang-format on
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <optional>
#include <string_view>

namespace linnet::serve {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

/// The bytes of a connection, through TLS or not: an AsyncReadStream and AsyncWriteStream of Asio.
/// Belongs to the I/O thread.
class Transport {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;

  /// `tls` may be null.
  Transport(boost::asio::ip::tcp::socket socket, TlsContext tls)
      : tls_context_(std::move(tls)), tcp_(std::move(socket)) {
    if (tls_context_) tls_.emplace(tcp_, *tls_context_);
  }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  executor_type get_executor() { return tcp_.get_executor(); }
  /// For the times after which what is under way fails.
  boost::beast::tcp_stream& tcp() { return tcp_; }

  /// Agrees on keys; nothing to do without TLS.
  boost::asio::awaitable<boost::beast::error_code> open();
  /// Tells the other side that nothing more comes.
  boost::asio::awaitable<void> end();
  /// Ends everything that is under way.
  void close() { tcp_.close(); }
  /// True if the other side has closed the connection, even if bytes of it are still unread.
  bool ended_by_peer();
  /// Writes what the system takes without waiting; returns the number of bytes. 0 with TLS, and
  /// if writing fails: the next async_write_some() tells why.
  std::size_t write_at_once(std::string_view bytes);

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Handler>(handler));
    return tcp_.async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Handler>(handler));
    return tcp_.async_write_some(buffers, std::forward<Handler>(handler));
  }

 private:
  TlsContext tls_context_;  // kept as long as it is in use
  boost::beast::tcp_stream tcp_;
  std::optional<boost::asio::ssl::stream<boost::beast::tcp_stream&>> tls_;
};

}  // namespace linnet::serve
