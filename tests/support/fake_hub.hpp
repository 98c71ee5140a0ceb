#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "support/http_server.hpp"

namespace linnet::test {

std::string sha256_of(const std::string& text);

/// Bytes that look random, the same for the same seed.
std::string noise(std::size_t size, std::uint32_t seed = 1);

/// What a transfer from the storage host should do wrong.
struct Fault {
  std::optional<std::size_t> cut_after = {};
  std::optional<std::size_t> hang_after = {};
  int status = 0;                  ///< answer with this instead
  std::string content_range = {};  ///< lie about the range
  bool ignore_range = false;
};

/// A Hugging Face Hub on two ports: the Hub itself, and the storage host that it redirects to for
/// files in LFS, as the real one does. One repo, o/m, one commit.
class FakeHub {
 public:
  static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

  FakeHub();

  std::string url() const { return hub_->url(); }
  /// Call it before another process begins to ask; see HttpServer::synchronize.
  void synchronize();

  HttpServer& hub() { return *hub_; }
  HttpServer& storage() { return *storage_; }

  std::map<std::string, std::string> files;         ///< of the repo
  std::map<std::string, std::string> wrong_sha256;  ///< what the Hub says instead of the truth
  std::string needed_token;                         ///< the repo is private if not empty
  std::string error_code;                           ///< X-Error-Code of all refusals, if not empty
  int status = 0;                                   ///< of every answer of the Hub, if not 0

  std::atomic<int> busy_answers = 0;  ///< so many answers of the Hub are 503 first

  /// The next transfers of the storage host go wrong, one after the other.
  void add_fault(Fault fault);

 private:
  static ServerAnswer refuse(int status, const std::string& code);

  ServerAnswer answer(const ServerRequest& request);

  ServerAnswer list() const;

  ServerAnswer resolve(const std::string& name);

  Fault next_fault();

  ServerAnswer store(const ServerRequest& request);

  std::mutex mutex_;
  std::vector<Fault> faults_;
  std::unique_ptr<HttpServer> storage_;
  std::unique_ptr<HttpServer> hub_;
};

}  // namespace linnet::test
