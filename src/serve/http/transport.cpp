#include "serve/http/transport.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace linnet::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

constexpr std::chrono::seconds kHandshakeTime{10};
constexpr std::chrono::seconds kEndTime{2};

}  // namespace

asio::awaitable<beast::error_code> Transport::open() {
  beast::error_code error;
  if (!tls_) co_return error;
  tcp_.expires_after(kHandshakeTime);
  co_await tls_->async_handshake(asio::ssl::stream_base::server,
                                 asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

asio::awaitable<void> Transport::end() {
  beast::error_code ignored;
  if (tls_) {
    tcp_.expires_after(kEndTime);
    co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
  }
  tcp_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

bool Transport::ended_by_peer() {
  pollfd state{tcp_.socket().native_handle(), POLLRDHUP, 0};
  return poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

std::size_t Transport::write_at_once(std::string_view bytes) {
  if (tls_) return 0;
  const ssize_t written =
      send(tcp_.socket().native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return written < 0 ? 0 : static_cast<std::size_t>(written);
}

}  // namespace linnet::serve
