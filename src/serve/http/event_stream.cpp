#include "serve/http/event_stream.hpp"

#include <fmt/format.h>

namespace linnet::serve {

EventStream::EventStream(PendingAnswer& answer, Transport& transport, bool chunked)
    : answer_(answer), transport_(transport), chunked_(chunked) {}

void EventStream::pump() {
  if (needs_coroutine()) return;
  std::string events = answer_.take_events();
  if (!events.empty()) write(std::move(events));
}

void EventStream::keep_alive(Clock::time_point since) {
  if (needs_coroutine() || last_write_ > since) return;
  if (std::string news = answer_.keep_alive(); !news.empty()) write(std::move(news));
}

// In one piece: a chunk's size, its text and its end.
void EventStream::write(std::string events) {
  if (chunked_) {
    events = fmt::format("{:x}\r\n{}\r\n{}", events.size(), events,
                         answer_.finished() ? "0\r\n\r\n" : "");
  }
  last_write_ = Clock::now();
  const std::size_t written = transport_.write_at_once(events);
  if (written < events.size()) unsent_ = events.substr(written);
}

}  // namespace linnet::serve
