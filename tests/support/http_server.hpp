#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace linnet::test {

struct ServerRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  ///< names in lower case

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct ServerAnswer {
  int status = 200;
  std::map<std::string, std::string> headers = {};
  std::string body = {};
  /// Close the connection after so many bytes of the body, though more were announced.
  std::optional<std::size_t> cut_after = {};
  /// Send so many bytes of the body, then nothing until release() or the end of the server.
  std::optional<std::size_t> hang_after = {};
  /// Send the body a byte every 50 ms, until the client leaves.
  bool trickle = false;
};

/// An HTTP/1.1 server on a free port of 127.0.0.1, a thread and a request a connection. It keeps
/// what it was asked.
class HttpServer {
 public:
  using Handler = std::function<ServerAnswer(const ServerRequest&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
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

  ~HttpServer() {
    release();
    stopped_ = true;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& connection : connections_) connection.join();
    close(listener_);
  }

  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  std::vector<ServerRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  /// Bytes of bodies sent so far.
  std::size_t sent_bytes() const { return sent_bytes_; }

  /// Orders what the test did before and the handlers of later requests (and the other way round)
  /// for ThreadSanitizer, which does not see that a request of another process does that too.
  void synchronize() { const std::lock_guard lock(mutex_); }

  /// Lets hanging answers go on, now and later.
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    wake_.notify_all();
  }

 private:
  void accept_all() {
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

  void serve(int connection) {
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

  void send_body(int connection, const ServerAnswer& answer) {
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

  static std::optional<ServerRequest> read_request(int connection) {
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

  bool put_body(int connection, const std::string& bytes) {
    constexpr std::size_t kPiece = 16 << 10;
    for (std::size_t i = 0; i < bytes.size(); i += kPiece) {
      if (!put(connection, bytes.substr(i, kPiece))) return false;
      sent_bytes_ += std::min(kPiece, bytes.size() - i);
    }
    return true;
  }

  static bool put(int connection, const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t count =
          send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return false;
      sent += static_cast<std::size_t>(count);
    }
    return true;
  }

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopped_{false};
  std::atomic<std::size_t> sent_bytes_{0};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool released_ = false;
  std::vector<ServerRequest> requests_;
  std::thread acceptor_;
  std::vector<std::thread> connections_;  // touched by acceptor_ only, until it has ended
};

}  // namespace linnet::test
