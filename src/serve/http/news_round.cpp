#include "serve/http/news_round.hpp"

#include <boost/asio/post.hpp>

namespace linnet::serve {
namespace {

// A frame of a screen.
constexpr std::chrono::milliseconds kInterval{16};

}  // namespace

void NewsRound::add(Notices notices) {
  boost::asio::post(io_,
                    [this, notices = std::move(notices)]() mutable { take(std::move(notices)); });
}

void NewsRound::take(Notices notices) {
  const bool is_planned = !waiting_.empty();
  for (Notice& notice : notices) {
    if (notice.is_urgent) {
      notice.generation->notify();
    } else {
      waiting_.push_back(std::move(notice));
    }
  }
  if (is_planned || waiting_.empty()) return;
  if (Clock::now() >= next_round_) return tell();
  timer_.expires_at(next_round_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) tell();
  });
}

void NewsRound::tell() {
  next_round_ = Clock::now() + kInterval;
  for (const Notice& notice : std::exchange(waiting_, {})) notice.generation->notify();
}

}  // namespace linnet::serve
