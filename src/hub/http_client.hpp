#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"

namespace linnet::hub {

/// The answer to a request, after redirects.
struct HttpAnswer {
  int status = 0;                              ///< 0: none came
  std::string url;                             ///< that gave it
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string failure;  ///< why there was none, or why it broke off; empty: it is whole

  /// Empty where there is no such header.
  std::string header(const std::string& name) const;
  /// The connection failed or broke off, or the server is busy: it may go better later.
  bool worth_another_try() const;
  /// How long to wait before attempt number `failures` + 1: `first` doubled each time, or what the
  /// server asks for; a minute at most.
  std::chrono::milliseconds pause(std::chrono::milliseconds first, int failures) const;
};

struct ByteRange {
  std::uint64_t begin;
  std::uint64_t end;  ///< one behind the last
};

/// HTTP over libcurl: redirects, ranges, timeouts, and a token that only its own host ever sees.
/// Belongs to one thread.
class HttpClient {
 public:
  struct Options {
    std::string home;                      ///< the address of the host that the token is for
    std::string token;                     ///< empty: none
    std::filesystem::path certificates{};  ///< see Settings
    std::chrono::seconds connect_timeout{20};
    std::chrono::seconds stall_timeout{30};
    std::function<bool()> keep_going{};  ///< asked several times a second; false cancels
  };
  explicit HttpClient(Options options);
  ~HttpClient();

  /// Takes the next bytes of a 2xx answer; false: that is enough.
  using Body = std::function<Result<bool>(const HttpAnswer&, std::span<const std::byte>)>;

  /// Asks for the headers. A redirect on the token's own host is followed and the headers of all
  /// answers are put together; one to another host is returned as it is.
  Result<HttpAnswer> head(const std::string& url);

  /// Follows all redirects; the last answer's bytes go to `body`. What goes wrong on the way is in
  /// HttpAnswer::failure; an Error is what trying again cannot mend: a redirect that must not be
  /// followed, a certificate that is not trusted, an Error of `body`, cancellation.
  Result<HttpAnswer> get(const std::string& url, std::optional<ByteRange> range, const Body& body);

  /// Waits; an Error if keep_going says no meanwhile.
  Status wait(std::chrono::milliseconds time) const;

 private:
  struct Request;
  Result<HttpAnswer> perform(const Request& request);
  Result<std::string> redirect_of(const HttpAnswer& answer) const;
  bool is_home(const std::string& url) const;

  Options options_;
  std::string home_origin_;
  std::unique_ptr<void, void (*)(void*)> curl_;
};

}  // namespace linnet::hub
