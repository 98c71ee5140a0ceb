#include "support/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace linnet::test {

TcpClient::TcpClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  timeval patience{300, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    throw std::runtime_error("no connection");
  }
}

void TcpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the reply tells why
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string TcpClient::receive() {
  char bytes[4096];
  ssize_t count = 0;
  do {  // a process that was stopped and goes on is interrupted here
    count = recv(socket_, bytes, sizeof bytes, 0);
  } while (count < 0 && errno == EINTR);
  return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : std::string();
}

std::string TcpClient::receive_all() {
  std::string all;
  for (std::string part = receive(); !part.empty(); part = receive()) all += part;
  return all;
}

bool TcpClient::receive_until(std::string_view text) {
  std::string all;
  for (std::string part = receive(); !part.empty(); part = receive()) {
    all += part;
    if (all.find(text) != std::string::npos) return true;
  }
  return false;
}

std::string http_request(std::string_view method, std::string_view path, std::string_view body,
                         std::string_view headers) {
  std::string text =
      std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n";
  text += "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return text + std::string(headers) + "\r\n" + std::string(body);
}

std::string join_chunks(std::string_view text) {
  std::string joined;
  while (!text.empty()) {
    const std::size_t size = std::stoul(std::string(text.substr(0, text.find('\r'))), nullptr, 16);
    text.remove_prefix(text.find('\n') + 1);
    if (size == 0) break;
    joined += text.substr(0, size);
    text.remove_prefix(size + 2);
  }
  return joined;
}

HttpReply parse_reply(const std::string& text) {
  HttpReply reply;
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return reply;
  reply.head = text.substr(0, end + 2);
  reply.status = std::stoi(reply.head.substr(reply.head.find(' ')));
  reply.body = text.substr(end + 4);
  if (reply.head.find("Transfer-Encoding: chunked") != std::string::npos) {
    reply.body = join_chunks(reply.body);
  }
  return reply;
}

HttpReply http(std::uint16_t port, std::string_view method, std::string_view path,
               std::string_view body, std::string_view headers) {
  TcpClient client(port);
  client.send(http_request(method, path, body, headers));
  return parse_reply(client.receive_all());
}

std::vector<nlohmann::json> events_of(const HttpReply& reply) {
  std::vector<nlohmann::json> events;
  std::size_t begin = 0;
  while ((begin = reply.body.find("data: ", begin)) != std::string::npos) {
    begin += 6;
    const std::string data = reply.body.substr(begin, reply.body.find('\n', begin) - begin);
    if (data != "[DONE]") events.push_back(nlohmann::json::parse(data));
  }
  return events;
}

}  // namespace linnet::test
