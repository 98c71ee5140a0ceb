#include "serve/http/browser_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "base/ascii.hpp"

namespace linnet::serve {
namespace {

// host[:port] of scheme://host[:port]; empty if it has another form.
std::string_view authority_of(std::string_view origin) {
  const std::size_t at = origin.find("://");
  return at == std::string_view::npos ? std::string_view() : origin.substr(at + 3);
}

// The name in NAME[:PORT] or [ADDRESS][:PORT].
std::string_view name_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? std::string_view() : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

ApiError forbidden(std::string message, std::string code) {
  ApiError error = invalid_request(std::move(message), "", std::move(code));
  error.status = 403;
  return error;
}

}  // namespace

BrowserRules::BrowserRules(std::vector<std::string> origins, bool only_local_names)
    : origins_(std::move(origins)), only_local_names_(only_local_names) {}

Status BrowserRules::check_origins(const std::vector<std::string>& origins) {
  for (const std::string& origin : origins) {
    const std::string_view authority = authority_of(origin);
    if (origin == "*" || (!authority.empty() && authority.find('/') == std::string_view::npos)) {
      continue;
    }
    return Error{fmt::format(
        "--cors-origin {}: expected scheme://host or scheme://host:port, or * for all", origin)};
  }
  return {};
}

bool BrowserRules::is_named(std::string_view origin) const {
  return std::ranges::any_of(origins_, [&](const std::string& named) {
    return named == "*" || in_lower_case(named) == in_lower_case(origin);
  });
}

bool BrowserRules::is_local_name(std::string_view host) const {
  const std::string name = in_lower_case(name_of(host));
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(name, error);
  if (!error) return address.is_loopback();
  return std::ranges::any_of(origins_, [&](const std::string& named) {
    return named == "*" || in_lower_case(name_of(authority_of(named))) == name;
  });
}

std::optional<ApiError> BrowserRules::refuse(std::string_view origin, std::string_view host) const {
  if (only_local_names_ && !host.empty() && !is_local_name(host)) {
    return forbidden(
        fmt::format("this server has no API keys, so it answers only to localhost, not to {}; "
                    "start it with --api-key or with --cors-origin http://{}",
                    host, host),
        "host_not_allowed");
  }
  if (origin.empty() || is_named(origin) ||
      in_lower_case(authority_of(origin)) == in_lower_case(host)) {
    return std::nullopt;
  }
  return forbidden(
      fmt::format("pages of {} may not use this server; allow it with --cors-origin {}", origin,
                  origin),
      "origin_not_allowed");
}

BrowserRules::Headers BrowserRules::reply_headers(std::string_view origin) const {
  if (origin.empty() || !is_named(origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(origin)},
          {"Access-Control-Expose-Headers", "X-Request-Id, Retry-After"},
          {"Vary", "Origin"}};
}

BrowserRules::Headers BrowserRules::preflight_headers(std::string_view origin) const {
  Headers headers = reply_headers(origin);
  if (headers.empty()) return headers;
  headers.emplace_back("Access-Control-Allow-Methods", "GET, POST");
  // Clients of OpenAI and Anthropic send headers of their own, of which new ones appear.
  headers.emplace_back("Access-Control-Allow-Headers", "*, Authorization");
  headers.emplace_back("Access-Control-Max-Age", "600");
  return headers;
}

}  // namespace linnet::serve
