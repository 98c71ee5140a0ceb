#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace linnet::serve {

/// What a key may use; 0: no limit.
struct Quota {
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;  ///< of prompts and answers together
  std::int64_t parallel = 0;           ///< requests at the same time

  bool operator==(const Quota&) const = default;
};

/// An amount that fills up steadily to a minute's allowance.
class MinuteAllowance {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit MinuteAllowance(std::int64_t per_minute)
      : per_minute_(per_minute), left_(static_cast<double>(per_minute)) {}

  /// Seconds until something is left again; 0 if there is, or if there is no limit.
  double wait_s(Time now);
  /// May leave a debt, which is paid back before wait_s() is 0 again.
  void take(double amount) { left_ -= amount; }

 private:
  std::int64_t per_minute_;
  double left_;
  Time filled_{};
};

/// Those who use one key, or have one address if there are no keys. Belongs to the I/O thread.
class ClientAccount {
 public:
  using Time = MinuteAllowance::Time;

  /// `id` tells clients apart while they wait for their turn.
  ClientAccount(std::uint64_t id, std::string name, const Quota& quota);

  std::uint64_t id() const { return id_; }
  const std::string& name() const { return name_; }

  /// Why the client must wait, and how long.
  struct Refusal {
    std::string reason;
    int retry_after_s = 1;
  };
  /// Begins a request, which end() must end, unless the quota refuses it.
  std::optional<Refusal> begin(Time now);
  void end(std::int64_t tokens);

 private:
  const std::uint64_t id_;
  const std::string name_;
  const Quota quota_;
  MinuteAllowance requests_, tokens_;
  std::int64_t open_ = 0;
};

}  // namespace linnet::serve
