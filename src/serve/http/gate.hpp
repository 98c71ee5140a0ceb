#pragma once

#include <cstdint>
#include <optional>

#include "serve/access/api_keys.hpp"
#include "serve/http/browser_rules.hpp"
#include "serve/http/exchange.hpp"
#include "serve/http/web_page.hpp"

namespace linnet::serve {

/// What is decided of a request by its header alone, before its body is read: files of the web
/// page, pages of other origins, unknown paths, keys and their quotas, memory for the body. Belongs
/// to the I/O thread.
class Gate {
 public:
  /// At most `body_bytes` of bodies are in memory at a time. The others must outlive this.
  Gate(const Api& api, const ApiKeys& keys, const BrowserRules& rules, Metrics& metrics,
       std::uint64_t body_bytes);

  /// Memory and a place in the client's quota, held while a request is served.
  class Pass {
   public:
    Pass(std::shared_ptr<ClientAccount> account, std::uint64_t body_bytes, Gate& gate)
        : account_(std::move(account)), body_bytes_(body_bytes), gate_(&gate) {}
    Pass(Pass&& other) noexcept
        : account_(std::move(other.account_)),
          body_bytes_(other.body_bytes_),
          gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass();

    /// How long the body was, when it has come: not longer than was spoken for.
    void set_body_bytes(std::uint64_t body_bytes);
    /// What the request used of its client's tokens.
    void set_tokens(std::int64_t tokens) { tokens_ = tokens; }

   private:
    std::shared_ptr<ClientAccount> account_;  // null: nothing to count
    std::uint64_t body_bytes_ = 0;
    std::int64_t tokens_ = 0;
    Gate* gate_ = nullptr;
  };

  /// The whole reply, or a pass for the request, whose client is then known.
  std::variant<ApiReply, Pass> enter(Exchange& exchange, std::uint64_t body_bytes);

  /// Headers for the page that sent the request.
  BrowserRules::Headers reply_headers(const Exchange& exchange) const {
    return rules_.reply_headers(exchange.origin);
  }

 private:
  std::optional<ApiError> refuse(const Exchange& exchange, std::uint64_t body_bytes) const;

  const Api& api_;
  const ApiKeys& keys_;
  const BrowserRules& rules_;
  Metrics& metrics_;
  const WebPage page_;
  const std::uint64_t most_body_bytes_;
  std::uint64_t body_bytes_ = 0;
};

}  // namespace linnet::serve
