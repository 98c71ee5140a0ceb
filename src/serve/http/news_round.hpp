#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "serve/engines/generation.hpp"

namespace linnet::serve {

/// Takes the notices of the engine's thread to the I/O thread: first tokens and ends at once, all
/// others together and at most every 16 ms. Where steps are shorter than that, a stream gets what
/// some of them gave in one piece, because each piece takes time from the cores that compute.
class NewsRound {
 public:
  /// `io` is run by the I/O thread and must outlive this.
  explicit NewsRound(boost::asio::io_context& io) : io_(io), timer_(io) {}

  /// Has notify() of these texts called. From any thread.
  void add(Notices notices);

 private:
  using Clock = std::chrono::steady_clock;

  void take(Notices notices);
  void plan_round();
  void tell_all();

  boost::asio::io_context& io_;

  // Of the I/O thread.
  boost::asio::steady_timer timer_;
  Notices waiting_;
  Clock::time_point next_round_{};
};

}  // namespace linnet::serve
