#include "serve/http/news_round.hpp"

#include <boost/asio/post.hpp>

namespace linnet::serve {
namespace {

// A frame of a screen.
constexpr std::chrono::milliseconds kInterval{16};

// False if there is no memory to tell of a text; others must not go without their news for that.
bool tell(const Generation& generation) {
  try {
    generation.notify();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

void NewsRound::add(Notices notices) {
  boost::asio::post(io_,
                    [this, notices = std::move(notices)]() mutable { take(std::move(notices)); });
}

void NewsRound::take(Notices notices) {
  const bool is_planned = !waiting_.empty();
  waiting_.reserve(waiting_.size() + notices.size());
  for (Notice& notice : notices) {
    if (notice.is_urgent && tell(*notice.generation)) continue;
    waiting_.push_back(std::move(notice));
  }
  if (is_planned || waiting_.empty()) return;
  if (Clock::now() >= next_round_) return tell_all();
  plan_round();
}

void NewsRound::plan_round() {
  timer_.expires_at(next_round_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) tell_all();
  });
}

void NewsRound::tell_all() {
  next_round_ = Clock::now() + kInterval;
  std::erase_if(waiting_, [](const Notice& notice) { return tell(*notice.generation); });
  if (!waiting_.empty()) plan_round();
}

}  // namespace linnet::serve
