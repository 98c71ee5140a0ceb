#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace linnet::test {

struct ServerRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  ///< names in lower case

  std::string header(const std::string& name) const;
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

  explicit HttpServer(Handler handler);

  ~HttpServer();

  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  std::vector<ServerRequest> requests() const;

  /// Bytes of bodies sent so far.
  std::size_t sent_bytes() const { return sent_bytes_; }

  /// Orders what the test did before and the handlers of later requests (and the other way round)
  /// for ThreadSanitizer, which does not see that a request of another process does that too.
  void synchronize() { const std::lock_guard lock(mutex_); }

  /// Lets hanging answers go on, now and later.
  void release();

 private:
  void accept_all();

  void serve(int connection);

  void send_body(int connection, const ServerAnswer& answer);

  static std::optional<ServerRequest> read_request(int connection);

  bool put_body(int connection, const std::string& bytes);

  static bool put(int connection, const std::string& bytes);

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
