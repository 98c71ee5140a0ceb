#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "serve/answers/pending_answer.hpp"
#include "serve/http/transport.hpp"

namespace linnet::serve {

/// The events of an answer on their way to the client, after the header of the reply. What the
/// connection takes at once is written without waiting for it; only the rest is left to a
/// coroutine. Belongs to the I/O thread.
class EventStream {
 public:
  using Clock = std::chrono::steady_clock;

  /// Both must outlive this. `chunked`: in the chunks of HTTP/1.1.
  EventStream(PendingAnswer& answer, Transport& transport, bool chunked);

  /// Takes what has come and writes it, unless something is unsent.
  void pump();
  /// Writes that the answer is still to come if nothing was written since `since`, so that nobody
  /// takes the connection for a dead one.
  void keep_alive(Clock::time_point since);

  /// What is to be written before pump() goes on.
  std::string_view unsent() const { return unsent_; }
  void set_sent() { unsent_.clear(); }
  /// Everything was given out, and nothing more will come.
  bool is_complete() const { return answer_.finished() && unsent_.empty(); }
  /// It needs the coroutine: to write what is unsent, or to go on after the end.
  bool needs_coroutine() const { return answer_.finished() || !unsent_.empty(); }
  Clock::time_point last_write() const { return last_write_; }

 private:
  void write(std::string events);

  PendingAnswer& answer_;
  Transport& transport_;
  const bool chunked_;
  Clock::time_point last_write_ = Clock::now();
  std::string unsent_;
};

}  // namespace linnet::serve
