#include "hub/http_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <thread>

#include "base/ascii.hpp"
#include "hub/interruption.hpp"
#include "hub/url.hpp"

namespace linnet::hub {
namespace {

constexpr int kMostRedirects = 10;
constexpr std::chrono::milliseconds kLongestPause{60'000};
constexpr std::size_t kMostHeaderBytes = 256 << 10;
constexpr std::size_t kMostDiscardedBytes = 64 << 10;

using HeaderList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

using Clock = std::chrono::steady_clock;

// One exchange, as libcurl's callbacks see it.
struct Exchange {
  CURL* curl = nullptr;
  const HttpClient::Body* body = nullptr;
  const HttpClient::Options* options = nullptr;
  HttpAnswer answer;
  std::size_t header_bytes = 0;
  std::size_t discarded_bytes = 0;
  curl_off_t last_bytes = 0;  // that had come when the last ones came
  const Clock::time_point begin = Clock::now();
  Clock::time_point last_time = begin;
  std::optional<Error> error;
  bool enough = false;
  bool stalled = false;
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, size);
  exchange.header_bytes += size;
  if (exchange.header_bytes > kMostHeaderBytes) {
    exchange.error =
        Error{shown_address(exchange.answer.url) + ": the answer has too many headers"};
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    exchange.answer.headers.clear();  // an interim answer came before
    return size;
  }
  const auto colon = line.find(':');
  if (colon == line.npos) return size;
  const std::string name = in_lower_case(line.substr(0, colon));
  exchange.answer.headers[name] = trimmed(line.substr(colon + 1));
  return size;
}

// Anything but `size` makes libcurl end the transfer.
std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  long status = 0;
  curl_easy_getinfo(exchange.curl, CURLINFO_RESPONSE_CODE, &status);
  exchange.answer.status = static_cast<int>(status);
  if (status < 200 || status > 299 || !*exchange.body) {
    exchange.discarded_bytes += size;
    exchange.enough = exchange.discarded_bytes > kMostDiscardedBytes ||
                      Clock::now() - exchange.begin > exchange.options->stall_timeout;
    return exchange.enough ? 0 : size;
  }
  auto more = (*exchange.body)(exchange.answer, {reinterpret_cast<std::byte*>(data), size});
  if (!more) exchange.error = more.error();
  exchange.enough = more && !*more;
  return more && *more ? size : 0;
}

// libcurl's own limit (CURLOPT_LOW_SPEED_TIME) is an average over several seconds and so comes
// late.
int on_progress(void* user, curl_off_t, curl_off_t bytes, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(user);
  const Clock::time_point now = Clock::now();
  if (bytes != exchange.last_bytes) {
    exchange.last_bytes = bytes;
    exchange.last_time = now;
  }
  exchange.stalled = now - exchange.last_time > exchange.options->stall_timeout;
  if (exchange.stalled) return 1;
  if (!exchange.options->keep_going || exchange.options->keep_going()) return 0;
  exchange.error = interruption();
  return 1;
}

void set_behaviour(CURL* curl, const HttpClient::Options& options) {
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "linnet");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);  // see get(): the token must not follow
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512L << 10);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                   static_cast<long>(options.connect_timeout.count()));
  // Who interrupts does not wait for a name server that is silent.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  if (options.certificates.empty()) return;
  std::error_code absent;
  const bool is_folder = std::filesystem::is_directory(options.certificates, absent);
  curl_easy_setopt(curl, is_folder ? CURLOPT_CAPATH : CURLOPT_CAINFO, options.certificates.c_str());
}

void set_callbacks(CURL* curl, Exchange& exchange) {
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
}

bool is_hopeless(CURLcode code) {
  constexpr std::array kHopeless = {CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL,
                                    CURLE_OUT_OF_MEMORY, CURLE_PEER_FAILED_VERIFICATION,
                                    CURLE_SSL_CACERT_BADFILE};
  return std::find(kHopeless.begin(), kHopeless.end(), code) != kHopeless.end();
}

bool is_redirect(const HttpAnswer& answer) {
  constexpr std::array kRedirects = {301, 302, 303, 307, 308};
  return std::find(kRedirects.begin(), kRedirects.end(), answer.status) != kRedirects.end() &&
         !answer.header("location").empty();
}

}  // namespace

struct HttpClient::Request {
  std::string url;
  bool headers_only = false;
  std::optional<ByteRange> range;
  Body body;
};

std::string HttpAnswer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

bool HttpAnswer::worth_another_try() const {
  constexpr std::array kBusy = {408, 429, 500, 502, 503, 504};
  return !failure.empty() || std::find(kBusy.begin(), kBusy.end(), status) != kBusy.end();
}

std::chrono::milliseconds HttpAnswer::pause(std::chrono::milliseconds first, int failures) const {
  const auto doubled = first * (1 << std::clamp(failures - 1, 0, 10));
  const std::string wish = header("retry-after");
  int wished_s = 0;
  std::from_chars(wish.data(), wish.data() + wish.size(), wished_s);
  const std::chrono::milliseconds wished = std::chrono::seconds(std::clamp(wished_s, 0, 60));
  return std::min(kLongestPause, std::max(doubled, wished));
}

HttpClient::HttpClient(Options options)
    : options_(std::move(options)),
      home_origin_(origin_of(options_.home).value_or("")),
      curl_(curl_easy_init(), [](void* curl) { curl_easy_cleanup(curl); }) {}

HttpClient::~HttpClient() = default;

bool HttpClient::is_home(const std::string& url) const { return origin_of(url) == home_origin_; }

Result<HttpAnswer> HttpClient::perform(const Request& request) {
  CURL* curl = curl_.get();
  if (!curl) return Error{"libcurl cannot be started"};
  Exchange exchange;
  exchange.curl = curl;
  exchange.body = &request.body;
  exchange.options = &options_;
  exchange.answer.url = request.url;
  HeaderList headers(curl_slist_append(nullptr, "Accept-Encoding: identity"), curl_slist_free_all);
  if (!options_.token.empty() && is_home(request.url)) {
    const std::string line = "Authorization: Bearer " + options_.token;
    curl_slist_append(headers.get(), line.c_str());
  }
  std::array<char, CURL_ERROR_SIZE> reason{};
  curl_easy_reset(curl);
  set_behaviour(curl, options_);
  set_callbacks(curl, exchange);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_NOBODY, request.headers_only ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason.data());
  const std::string range =
      request.range ? fmt::format("{}-{}", request.range->begin, request.range->end - 1) : "";
  if (request.range) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());

  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  exchange.answer.status = static_cast<int>(status);
  curl_easy_reset(curl);  // nothing may point into this function any more
  if (exchange.error) return *exchange.error;
  if (code == CURLE_OK || exchange.enough) return exchange.answer;
  const std::string text =
      exchange.stalled ? fmt::format("nothing came for {} s", options_.stall_timeout.count())
      : reason[0]      ? std::string(reason.data())
                       : std::string(curl_easy_strerror(code));
  const std::string message =
      fmt::format("{}: {}", origin_of(request.url).value_or(request.url), shown(text));
  if (is_hopeless(code)) return Error{message};
  exchange.answer.failure = message;
  return exchange.answer;
}

Status HttpClient::wait(std::chrono::milliseconds time) const {
  constexpr std::chrono::milliseconds kSlice{100};
  for (; time.count() > 0; time -= kSlice) {
    if (options_.keep_going && !options_.keep_going()) return interruption();
    std::this_thread::sleep_for(std::min(time, kSlice));
  }
  return {};
}

Result<std::string> HttpClient::redirect_of(const HttpAnswer& answer) const {
  return redirected(answer.url, answer.header("location"));
}

Result<HttpAnswer> HttpClient::head(const std::string& url) {
  Request request{.url = url, .headers_only = true, .range = {}, .body = {}};
  std::map<std::string, std::string> all;
  for (int i = 0; i <= kMostRedirects; ++i) {
    auto answer = perform(request);
    if (!answer) return answer.error();
    for (const auto& [name, value] : answer->headers) all[name] = value;
    if (!is_redirect(*answer)) {
      answer->headers = all;
      return answer;
    }
    auto next = redirect_of(*answer);
    if (!next) return next.error();
    if (!is_home(*next)) {
      answer->headers = all;
      return answer;
    }
    all.erase("location");
    request.url = *next;
  }
  return Error{fmt::format("{}: more than {} redirects", shown_address(url), kMostRedirects)};
}

Result<HttpAnswer> HttpClient::get(const std::string& url, std::optional<ByteRange> range,
                                   const Body& body) {
  Request request{.url = url, .headers_only = false, .range = range, .body = body};
  for (int i = 0; i <= kMostRedirects; ++i) {
    auto answer = perform(request);
    if (!answer || !is_redirect(*answer)) return answer;
    auto next = redirect_of(*answer);
    if (!next) return next.error();
    request.url = *next;
  }
  return Error{fmt::format("{}: more than {} redirects", shown_address(url), kMostRedirects)};
}

}  // namespace linnet::hub
