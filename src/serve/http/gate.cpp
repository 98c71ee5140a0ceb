#include "serve/http/gate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet::serve {
namespace {

constexpr int kRetryAfter_s = 1;
// Bodies up to here always have room, so that large ones which come slowly hold up their like only.
constexpr std::uint64_t kSmallBody = 64 << 10;

std::uint64_t counted_bytes(std::uint64_t body_bytes) {
  return body_bytes <= kSmallBody ? 0 : body_bytes;
}

}  // namespace

Gate::Gate(const Api& api, const ApiKeys& keys, const BrowserRules& rules, Metrics& metrics,
           std::uint64_t body_bytes)
    : api_(api), keys_(keys), rules_(rules), metrics_(metrics), most_body_bytes_(body_bytes) {}

Gate::Pass::~Pass() {
  if (!gate_) return;
  gate_->body_bytes_ -= body_bytes_;
  if (account_) account_->end(tokens_);
}

void Gate::Pass::set_body_bytes(std::uint64_t body_bytes) {
  const std::uint64_t counted = std::min(counted_bytes(body_bytes), body_bytes_);
  gate_->body_bytes_ -= body_bytes_ - counted;
  body_bytes_ = counted;
}

std::optional<ApiError> Gate::refuse(const Exchange& exchange, std::uint64_t body_bytes) const {
  if (auto error = api_.refuse(exchange.request)) return error;
  if (!exchange.encoding.empty() && exchange.encoding != "identity") {
    ApiError error = invalid_request(
        fmt::format("the body is encoded as {}, expected JSON as it is", exchange.encoding), "",
        "unsupported_encoding");
    error.status = 415;
    return error;
  }
  if (body_bytes > most_body_bytes_ - body_bytes_) {
    return overloaded("too many large requests are being read; try again later", kRetryAfter_s);
  }
  return std::nullopt;
}

std::variant<ApiReply, Gate::Pass> Gate::enter(Exchange& exchange, std::uint64_t body_bytes) {
  const auto refused = [&](const ApiError& error) {
    return error_reply(error, metrics_, Api::error_shape(exchange.request.path));
  };
  if (const auto error = rules_.refuse(exchange.origin, exchange.host)) return refused(*error);
  if (exchange.is_preflight) {
    ApiReply reply;
    reply.status = 204;
    reply.headers = rules_.preflight_headers(exchange.origin);
    return reply;
  }
  if (exchange.request.method == "GET") {
    if (auto file = page_.find(exchange.request.path, exchange.if_none_match)) {
      return std::move(*file);
    }
  }
  body_bytes = counted_bytes(body_bytes);
  exchange.request.client = keys_.find(exchange.secret, exchange.peer.client);
  if (const auto error = refuse(exchange, body_bytes)) return refused(*error);
  std::shared_ptr<ClientAccount> account;
  if (exchange.request.method == "POST") {  // the others cost nothing
    account = exchange.request.client;      // never null here: no public route takes POST
    if (const auto refusal = account->begin(std::chrono::steady_clock::now())) {
      return refused(overloaded(refusal->reason, refusal->retry_after_s));
    }
  }
  body_bytes_ += body_bytes;
  return Pass(std::move(account), body_bytes, *this);
}

}  // namespace linnet::serve
