#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "serve/api_error.hpp"

namespace linnet::serve {

/// The web pages that may use the server: its own, and those of named origins. Clients other than
/// browsers send no Origin and are not concerned. Immutable.
class BrowserRules {
 public:
  /// `origins` are scheme://host[:port], or * for all. With `only_local_names`, requests must call
  /// the server localhost, by a loopback address or by the name of an origin: else any page could
  /// let its own name point here and read what a server without keys answers (DNS rebinding).
  BrowserRules(std::vector<std::string> origins, bool only_local_names);

  /// An Error if an origin has another form.
  static Status check_origins(const std::vector<std::string>& origins);

  /// `origin` and `host` are the headers of a request; empty if it has none.
  std::optional<ApiError> refuse(std::string_view origin, std::string_view host) const;

  using Headers = std::vector<std::pair<std::string, std::string>>;
  /// Headers that allow a page of `origin` to read the reply; none for the server's own page.
  Headers reply_headers(std::string_view origin) const;
  /// Headers of the reply to a preflight request.
  Headers preflight_headers(std::string_view origin) const;

 private:
  bool is_named(std::string_view origin) const;
  bool is_local_name(std::string_view host) const;

  const std::vector<std::string> origins_;
  const bool only_local_names_;
};

}  // namespace linnet::serve
