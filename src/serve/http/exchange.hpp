#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "serve/answers/answer_format.hpp"
#include "serve/api.hpp"
#include "serve/http/peer.hpp"

namespace linnet::serve {

/// One request of a connection and what became of it.
struct Exchange {
  ApiRequest request;
  std::string id;             ///< of the request, the client's or a random one
  std::string secret;         ///< the key that the client sent
  std::string origin, host;   ///< as the headers of these names say
  std::string if_none_match;  ///< as the header says
  std::string encoding;       ///< of the body, as Content-Encoding says
  Peer peer;
  unsigned version = 11;  ///< of HTTP, times 10
  bool keep_alive = false;
  bool head_only = false;     ///< HEAD: a reply without its body
  bool is_preflight = false;  ///< a browser asks whether a page may send its request
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();

  int status = 0;  ///< of the reply
  Usage usage;     ///< if tokens were generated
};

/// All but the body.
Exchange read_head(const boost::beast::http::header<true>& head);

/// The time now, as the header Date has it: https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1
std::string http_date();

/// The beginning of a body for the log, at most some 64 KiB; of the base64 of pictures and such,
/// and of all from the first byte on that belongs to no text, only how long it is.
std::string logged_content(std::string_view body);

/// One line of JSON, without what is asked and answered.
Json access_line(const Exchange& exchange);

}  // namespace linnet::serve
