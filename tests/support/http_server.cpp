#include "support/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <stdexcept>

namespace linnet::test {

std::string ServerRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

HttpServer::HttpServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("no port for the test's HTTP server");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
  release();
  stopped_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
  close(listener_);
}

std::vector<ServerRequest> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void HttpServer::release() {
  const std::lock_guard lock(mutex_);
  released_ = true;
  wake_.notify_all();
}

void HttpServer::accept_all() {
  while (true) {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (stopped_ || connection < 0) {
      if (connection >= 0) close(connection);
      return;
    }
    connections_.emplace_back([this, connection] {
      serve(connection);
      close(connection);
    });
  }
}

void HttpServer::serve(int connection) {
  const auto request = read_request(connection);
  if (!request) return;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(*request);
  }
  const ServerAnswer answer = handler_(*request);
  synchronize();
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " Answer\r\n";
  for (const auto& [name, value] : answer.headers) head += name + ": " + value + "\r\n";
  if (!answer.headers.contains("Content-Length")) {
    head += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
  }
  if (!put(connection, head + "Connection: close\r\n\r\n") || request->method == "HEAD") return;
  send_body(connection, answer);
}

void HttpServer::send_body(int connection, const ServerAnswer& answer) {
  for (std::size_t i = 0; answer.trickle && i < answer.body.size(); ++i) {
    if (stopped_ || !put_body(connection, answer.body.substr(i, 1))) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  if (answer.trickle) return;
  const std::size_t all = answer.body.size();
  const std::size_t end = std::min(all, answer.cut_after.value_or(all));
  const std::size_t first = std::min(end, answer.hang_after.value_or(end));
  if (!put_body(connection, answer.body.substr(0, first)) || first == end) return;
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return released_; });
  lock.unlock();
  put_body(connection, answer.body.substr(first, end - first));
}

std::optional<ServerRequest> HttpServer::read_request(int connection) {
  std::string text;
  while (text.find("\r\n\r\n") == text.npos) {
    char buffer[4096];
    const ssize_t count = recv(connection, buffer, sizeof buffer, 0);
    if (count <= 0) return std::nullopt;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  ServerRequest request;
  std::size_t end = text.find("\r\n");
  const std::string first = text.substr(0, end);
  const auto space = first.find(' ');
  request.method = first.substr(0, space);
  request.path = first.substr(space + 1, first.rfind(' ') - space - 1);
  for (std::size_t begin = end + 2; (end = text.find("\r\n", begin)) > begin; begin = end + 2) {
    const auto colon = text.find(':', begin);
    std::string name = text.substr(begin, colon - begin);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = text.substr(colon + 2, end - colon - 2);
  }
  return request;
}

bool HttpServer::put_body(int connection, const std::string& bytes) {
  constexpr std::size_t kPiece = 16 << 10;
  for (std::size_t i = 0; i < bytes.size(); i += kPiece) {
    if (!put(connection, bytes.substr(i, kPiece))) return false;
    sent_bytes_ += std::min(kPiece, bytes.size() - i);
  }
  return true;
}

bool HttpServer::put(int connection, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace linnet::test
