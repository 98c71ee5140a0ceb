#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/output/output_parser.hpp"
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

/// How an endpoint writes an answer: as events while it comes, and as a whole. Everything that
/// comes goes through open(), add(), close() and end() in this order, streamed or not; they give
/// the events to send.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;

  virtual std::string open() = 0;
  virtual std::string add(std::size_t choice, std::string_view text) = 0;
  /// A choice has ended.
  virtual std::string close(std::size_t choice, FinishReason reason) = 0;
  virtual std::string end(const Usage& usage) = 0;
  /// After end(): the body of an answer that is not streamed.
  virtual Json whole(const Usage& usage) = 0;
};

/// What the answers of OpenAI's endpoints have in common.
struct AnswerHead {
  std::string id;
  std::string model;
  std::int64_t created = 0;
  bool streams_usage = false;
};

/// POST /v1/completions. `echo` is put before the text of each choice.
std::unique_ptr<AnswerFormat> make_completion_format(AnswerHead head, std::size_t choices,
                                                     std::string echo);

/// POST /v1/chat/completions.
std::unique_ptr<AnswerFormat> make_chat_format(AnswerHead head, std::size_t choices,
                                               const OutputFormat& output,
                                               const OutputOptions& options);

}  // namespace linnet::serve
