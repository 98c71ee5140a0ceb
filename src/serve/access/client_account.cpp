#include "serve/access/client_account.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace linnet::serve {

double MinuteAllowance::wait_s(Time now) {
  if (per_minute_ == 0) return 0.0;
  const double per_second = static_cast<double>(per_minute_) / 60.0;
  if (filled_ != Time{}) {
    const double passed_s = std::chrono::duration<double>(now - filled_).count();
    left_ = std::min(left_ + passed_s * per_second, static_cast<double>(per_minute_));
  }
  filled_ = now;
  // One unit must be there, or a request would begin on a fraction of one.
  return left_ >= 1.0 ? 0.0 : (1.0 - left_) / per_second;
}

ClientAccount::ClientAccount(std::uint64_t id, std::string name, const Quota& quota)
    : id_(id),
      name_(std::move(name)),
      quota_(quota),
      requests_(quota.requests_per_minute),
      tokens_(quota.tokens_per_minute) {}

std::optional<ClientAccount::Refusal> ClientAccount::begin(Time now) {
  const auto refusal = [](std::string reason, double wait_s) {
    return Refusal{std::move(reason), static_cast<int>(std::clamp(std::ceil(wait_s), 1.0, 3600.0))};
  };
  if (quota_.parallel > 0 && open_ >= quota_.parallel) {
    return refusal(fmt::format("the API key may have {} requests at a time", quota_.parallel), 1);
  }
  if (const double wait_s = requests_.wait_s(now); wait_s > 0) {
    return refusal(
        fmt::format("the API key may make {} requests a minute", quota_.requests_per_minute),
        wait_s);
  }
  if (const double wait_s = tokens_.wait_s(now); wait_s > 0) {
    return refusal(fmt::format("the API key may use {} tokens a minute", quota_.tokens_per_minute),
                   wait_s);
  }
  requests_.take(1);
  ++open_;
  return std::nullopt;
}

void ClientAccount::end(std::int64_t tokens) {
  --open_;
  tokens_.take(static_cast<double>(tokens));
}

}  // namespace linnet::serve
