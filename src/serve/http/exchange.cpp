#include "serve/http/exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <random>

#include "base/utf8.hpp"
#include "serve/requests/percent_decoded.hpp"

namespace linnet::serve {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kLongestId = 128;
constexpr std::size_t kMostLoggedBytes = 64 << 10;
// Longer than any word of a text.
constexpr std::size_t kLongestLoggedRun = 512;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// `beginning` in letters of any case.
bool begins_with(std::string_view text, std::string_view beginning) {
  const std::string_view begin = text.substr(0, beginning.size());
  return beast::iequals({begin.data(), begin.size()}, {beginning.data(), beginning.size()});
}

// What a request asks for, and of which host.
struct Target {
  std::string_view path, query, host;
};

// The host of http://host/path goes before that of the header Host, which `host` is:
// https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
Target target_of(std::string_view target, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!begins_with(target, scheme)) continue;
    target.remove_prefix(scheme.size());
    host = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(host.size());
    if (!target.starts_with('/')) return {"/", "", host};
  }
  const std::size_t path_end = std::min(target.find('?'), target.size());
  const std::string_view query = target.substr(path_end);
  return {target.substr(0, path_end), query.substr(std::min<std::size_t>(1, query.size())), host};
}

std::string key_of(const http::fields& fields) {
  constexpr std::string_view kBearer = "Bearer ";  // in letters of any case
  const std::string_view value = view(fields[http::field::authorization]);
  if (begins_with(value, kBearer)) return std::string(value.substr(kBearer.size()));
  return std::string(view(fields["x-api-key"]));
}

// The client's id for the request where it is one that headers and logs can carry.
std::string request_id(std::string_view wanted) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!wanted.empty() && wanted.size() <= kLongestId && std::ranges::all_of(wanted, fits)) {
    return std::string(wanted);
  }
  std::random_device device;
  return fmt::format("req-{:08x}{:08x}", device(), device());
}

// Whether base64 may have it; / may be written as \/ in JSON.
bool is_in_base64(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' ||
         c == '/' || c == '=' || c == '\\';
}

std::string utc_time(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, format, &utc);
  return text;
}

}  // namespace

Exchange read_head(const http::header<true>& head) {
  Exchange exchange;
  const std::string_view method = view(head.method_string());
  const auto [path, query, host] = target_of(view(head.target()), view(head[http::field::host]));
  exchange.head_only = method == "HEAD";
  exchange.request.method = exchange.head_only ? "GET" : method;
  exchange.request.path = percent_decoded(path);
  exchange.request.query = query;
  exchange.secret = key_of(head);
  exchange.id = request_id(view(head["X-Request-Id"]));
  exchange.origin = view(head[http::field::origin]);
  exchange.host = host;
  exchange.if_none_match = view(head[http::field::if_none_match]);
  exchange.encoding = view(head[http::field::content_encoding]);
  exchange.version = head.version();
  exchange.is_preflight =
      method == "OPTIONS" && !head[http::field::access_control_request_method].empty();
  return exchange;
}

std::string http_date() { return utc_time("%a, %d %b %Y %H:%M:%S GMT"); }

std::string logged_content(std::string_view body) {
  std::string text;
  while (!body.empty() && text.size() < kMostLoggedBytes) {
    const auto end = std::ranges::find_if_not(body, is_in_base64);
    auto run = static_cast<std::size_t>(end - body.begin());
    if (run == 0) {
      const Character other = first_character(body);
      if (other.kind != Character::Kind::kComplete || body[0] == '\0') {
        return text + fmt::format("...{} bytes...", body.size());
      }
      run = other.bytes;
    }
    if (run > kLongestLoggedRun) {
      text += fmt::format("...{} bytes...", run);
    } else {
      text += body.substr(0, run);
    }
    body.remove_prefix(run);
  }
  return text.substr(0, kMostLoggedBytes);
}

Json access_line(const Exchange& exchange) {
  const std::chrono::duration<double, std::milli> took =
      std::chrono::steady_clock::now() - exchange.start;
  Json line = {{"time", utc_time("%Y-%m-%dT%H:%M:%SZ")},
               {"request_id", exchange.id},
               {"peer", exchange.peer.address},
               {"method", exchange.request.method},
               {"path", exchange.request.path},
               {"status", exchange.status},
               {"took_ms", took.count()}};
  if (exchange.request.client && !exchange.request.client->name().empty()) {
    line["key"] = exchange.request.client->name();
  }
  if (!exchange.request.model.empty()) line["model"] = exchange.request.model;
  const Usage& usage = exchange.usage;
  if (usage.prompt_tokens > 0) {
    line["prompt_tokens"] = usage.prompt_tokens;
    line["cached_tokens"] = usage.cached_tokens;
    line["completion_tokens"] = usage.completion_tokens;
    line["queue_ms"] = usage.queue_s * 1e3;
    line["first_token_ms"] = usage.first_token_s * 1e3;
  }
  return line;
}

}  // namespace linnet::serve
