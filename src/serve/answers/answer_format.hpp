#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "serve/api_error.hpp"
#include "serve/generation.hpp"

namespace linnet::serve {

/// What all choices of an answer took together.
struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;
  double queue_s = 0.0, first_token_s = 0.0, total_s = 0.0;
};

/// OpenAI's `usage` object.
Json usage_json(const Usage& usage);
/// Seconds and rates of an answer.
Json timings_json(const Usage& usage);

/// One server-sent event.
std::string server_sent_event(const Json& data, std::string_view name = "");

/// How a choice has ended.
struct Ending {
  FinishReason reason = FinishReason::kStop;
  std::string stop_string;  ///< the one that has ended it; empty: none has
};

/// How an endpoint writes an answer: as events while it comes, and as a whole. Everything that
/// comes goes through open(), add(), close() and end() in this order, streamed or not; they give
/// the events to send.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;

  virtual std::string open() = 0;
  virtual std::string add(std::size_t choice, const GeneratedText& generated) = 0;
  /// A choice has ended.
  virtual std::string close(std::size_t choice, const Ending& ending) = 0;
  virtual std::string end(const Usage& usage) = 0;
  /// Instead of end(): the events of a stream that can't go on.
  virtual std::string fail(const ApiError& error) { return server_sent_event(to_json(error)); }
  /// After end(): the body of an answer that is not streamed.
  virtual Json whole(const Usage& usage) = 0;
};

/// What answers say of themselves.
struct AnswerHead {
  std::string id;
  std::string model;
  std::int64_t created = 0;
  bool streams_usage = false;
  bool has_logprobs = false;
};

}  // namespace linnet::serve
