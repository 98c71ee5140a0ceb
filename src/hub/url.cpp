#include "hub/url.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"

namespace linnet::hub {
namespace {

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// Null for what is not an address.
Url parsed(const std::string& text) {
  Url url(curl_url(), curl_url_cleanup);
  if (url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) url.reset();
  return url;
}

std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (!url || curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl_free);
  return text;
}

}  // namespace

std::optional<std::string> origin_of(const std::string& text) {
  const Url url = parsed(text);
  const std::string scheme = part(url, CURLUPART_SCHEME);
  const std::string host = part(url, CURLUPART_HOST);
  if ((scheme != "http" && scheme != "https") || host.empty()) return std::nullopt;
  return scheme + "://" + in_lower_case(host) + ":" + part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

Result<std::string> redirected(const std::string& from, const std::string& location) {
  const Url url = parsed(from);
  const std::string scheme = part(url, CURLUPART_SCHEME);
  // Set on an address that is there already, a relative one is resolved against it.
  if (!url || curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) {
    return Error{
        fmt::format("{} leads to '{}', which is no address", shown_address(from), shown(location))};
  }
  const std::string to = part(url, CURLUPART_URL);
  const std::string new_scheme = part(url, CURLUPART_SCHEME);
  if (!origin_of(to) || (scheme == "https" && new_scheme != "https")) {
    return Error{fmt::format("{} leads to {}, which is not followed: expected {}",
                             shown_address(from), shown_address(to),
                             scheme == "https" ? "https" : "http or https")};
  }
  return to;
}

std::string percent_encoded(std::string_view text, bool keep_slashes) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos || (keep_slashes && c == '/')) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string shown(std::string_view text, std::size_t most) {
  return printable(shortened(text, most));
}

std::string shown_address(const std::string& text) {
  const Url url = parsed(text);
  for (const CURLUPart secret : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY}) {
    if (url) curl_url_set(url.get(), secret, nullptr, 0);
  }
  return shown(url ? part(url, CURLUPART_URL) : text);
}

}  // namespace linnet::hub
