// A file of API keys, and behind a zero byte what a client sends on its connection, in pieces of a
// size that the first byte tells: until HTTP can't be read, each request goes through all that
// stands before its answer.

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <string_view>
#include <variant>

#include "chat/json_text.hpp"
#include "serve/http/gate.hpp"
#include "served_models.hpp"

namespace linnet::serve {
namespace {

namespace http = boost::beast::http;

using fuzz::require;
using Parser = http::request_parser<http::string_body>;

constexpr std::uint64_t kMostBodyBytes = 1 << 16;

// Bytes that come in pieces.
class Connection {
 public:
  Connection(std::string_view bytes, std::size_t piece) : unread_(bytes), piece_(piece) {}

  /// Until the parser has what it was to read; false where that does not come, or can't be read.
  bool read(Parser& parser, bool whole) {
    parser.eager(whole);
    while (!(whole ? parser.is_done() : parser.is_header_done())) {
      boost::beast::error_code error;
      const std::size_t read = parser.put(boost::asio::buffer(unread_.data(), come_), error);
      unread_.remove_prefix(read);
      come_ -= read;
      if (error && error != http::error::need_more) return false;
      if (read > 0 && !error) continue;
      if (come_ == unread_.size()) return false;
      come_ = std::min(come_ + piece_, unread_.size());
    }
    return true;
  }

 private:
  std::string_view unread_;
  const std::size_t piece_;
  std::size_t come_ = 0;
};

void check(const ApiReply& reply) {
  require(reply.status >= 200 && reply.status < 600);
  for (const auto& [name, value] : reply.headers) {
    require(name.find_first_of("\r\n") == name.npos && value.find_first_of("\r\n") == value.npos);
  }
  if (reply.content_type != "application/json" || reply.body.empty()) return;
  require(!Json::parse(reply.body, nullptr, /*allow_exceptions=*/false).is_discarded());
}

void check_log(Exchange& exchange) {
  require(Json::accept(json_text(access_line(exchange))));
  require(logged_content(exchange.request.body).size() <= 64 << 10);
}

// One request; false where the connection ends behind it.
bool serve_one(Connection& connection, Api& api, Gate& gate) {
  Parser parser;
  parser.header_limit(4096);
  parser.body_limit(kMostBodyBytes);
  if (!connection.read(parser, /*whole=*/false)) return false;
  Exchange exchange = read_head(parser.get());
  require(!exchange.id.empty() && exchange.id.size() <= 128);
  for (const auto& [name, value] : gate.reply_headers(exchange)) {
    require(value.find_first_of("\r\n") == value.npos);
  }
  auto entered = gate.enter(exchange, parser.content_length().value_or(kMostBodyBytes));
  if (const auto* const reply = std::get_if<ApiReply>(&entered)) {
    check(*reply);
    check_log(exchange);
    return parser.is_done() && parser.get().keep_alive();
  }
  auto& pass = std::get<Gate::Pass>(entered);
  if (!connection.read(parser, /*whole=*/true)) return false;
  exchange.request.body = std::move(parser.get().body());
  pass.set_body_bytes(exchange.request.body.size());
  check(api.handle(exchange.request));
  check_log(exchange);
  return parser.get().keep_alive();
}

}  // namespace
}  // namespace linnet::serve

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet::serve;
  static fuzz::Served served("chatml");
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t end = std::min(input.find('\0'), input.size());
  const auto given = parse_api_keys(input.substr(0, end));
  if (!given) fuzz::require(!given.error().message.empty());
  const ApiKeys keys(given ? *given : std::vector<ApiKey>());
  const BrowserRules rules({"https://page.test"}, keys.empty());
  Gate gate(*served.api, keys, rules, served.metrics, 2 * kMostBodyBytes);
  Connection connection(input.substr(std::min(end + 1, input.size())), 1 + data[0]);
  while (serve_one(connection, *served.api, gate)) {
  }
  return 0;
}
