#include "serve/requests/percent_decoded.hpp"

#include <algorithm>

#include "base/hex.hpp"

namespace linnet::serve {

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? hex_byte(text.substr(i + 1)) : std::nullopt;
    decoded += byte ? static_cast<char>(*byte) : text[i];
    if (byte) i += 2;
  }
  return decoded;
}

std::optional<std::string> query_field(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view field = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(field.size() + 1, query.size()));
    const std::size_t equals = field.find('=');
    if (percent_decoded(field.substr(0, equals)) != name) continue;
    return equals == std::string_view::npos ? "" : percent_decoded(field.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace linnet::serve
