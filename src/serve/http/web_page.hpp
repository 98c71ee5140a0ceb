#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "serve/api.hpp"

namespace linnet::serve {

/// The files of the page at /, which are part of the program. Immutable.
class WebPage {
 public:
  WebPage();

  /// The reply to GET `path`, without content if the client already has it; nothing if the page has
  /// no such file.
  std::optional<ApiReply> find(std::string_view path, std::string_view if_none_match) const;

 private:
  std::map<std::string, std::string, std::less<>> tags_;  // path -> ETag
};

}  // namespace linnet::serve
