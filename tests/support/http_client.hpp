#pragma once

#include <unistd.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::test {

struct HttpReply {
  int status = 0;
  std::string head;  ///< status line and headers as they came
  std::string body;  ///< chunks joined

  nlohmann::json json() const { return nlohmann::json::parse(body); }
};

/// A TCP connection to a port of 127.0.0.1, on which reading gives up after five minutes: a hang is
/// a failure, a slow machine is none.
class TcpClient {
 public:
  explicit TcpClient(std::uint16_t port);
  ~TcpClient() { ::close(socket_); }
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  int descriptor() const { return socket_; }

  void send(std::string_view bytes);
  /// Some more bytes; empty at the end of the connection or of the patience.
  std::string receive();
  std::string receive_all();
  /// Waits until `text` has come; false at the end of the connection.
  bool receive_until(std::string_view text);

 private:
  int socket_;
};

std::string http_request(std::string_view method, std::string_view path, std::string_view body,
                         std::string_view headers = "");

std::string join_chunks(std::string_view text);

HttpReply parse_reply(const std::string& text);

/// One request on a connection of its own. A status of 0: the server closed it without a reply.
HttpReply http(std::uint16_t port, std::string_view method, std::string_view path,
               std::string_view body = "", std::string_view headers = "");

/// The data of server-sent events, without the last one, [DONE].
std::vector<nlohmann::json> events_of(const HttpReply& reply);

}  // namespace linnet::test
