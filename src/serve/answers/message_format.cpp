#include "serve/answers/formats.hpp"

namespace linnet::serve {
namespace {

// https://docs.anthropic.com/en/api/messages-streaming: a message of blocks (thinking, text, calls
// of tools), of which one is open at a time.
class MessageFormat final : public AnswerFormat {
 public:
  MessageFormat(AnswerHead head, const AnswerParsing& parsing, std::int64_t prompt_tokens)
      : head_(std::move(head)),
        parser_(make_output_parser(parsing.format, parsing.options)),
        prompt_tokens_(prompt_tokens) {}

  std::string open() override {
    Json message = head_json();
    message["content"] = Json::array();
    // What the cache holds of the prompt is known later.
    message["usage"] = {{"input_tokens", prompt_tokens_},
                        {"cache_creation_input_tokens", nullptr},
                        {"cache_read_input_tokens", nullptr},
                        {"output_tokens", 0}};
    return event("message_start", {{"message", std::move(message)}});
  }

  std::string add(std::size_t, const GeneratedText& generated) override {
    return take(parser_->push(generated.text));
  }

  std::string close(std::size_t, const Ending& ending) override {
    std::string events = take(parser_->finish());
    events += end_block();
    stop_sequence_ = ending.stop_string;
    stop_reason_ = ending.reason == FinishReason::kLength ? "max_tokens"
                   : !stop_sequence_.empty()              ? "stop_sequence"
                   : has_calls_ && !is_within_call_       ? "tool_use"
                                                          : "end_turn";
    return events;
  }

  std::string end(const Usage& usage) override {
    Json fields = {
        {"delta", {{"stop_reason", stop_reason_}, {"stop_sequence", stop_sequence_json()}}},
        {"usage", usage_of_message(usage)},
        {"timings", timings_json(usage)}};
    add_warnings(fields);
    return event("message_delta", fields) + event("message_stop", Json::object());
  }

  std::string fail(const ApiError& error) override {
    return server_sent_event(to_json(error, ErrorShape::kAnthropic), "error");
  }

  std::string keep_alive() const override { return event("ping", Json::object()); }

  Json whole(const Usage& usage) override {
    Json message = head_json();
    message["content"] = content_;
    message["stop_reason"] = stop_reason_;
    message["stop_sequence"] = stop_sequence_json();
    message["usage"] = usage_of_message(usage);
    message["timings"] = timings_json(usage);
    add_warnings(message);
    return message;
  }

 private:
  // Anthropic counts the tokens that were read from the cache apart.
  static Json usage_of_message(const Usage& usage) {
    return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
            {"cache_creation_input_tokens", 0},
            {"cache_read_input_tokens", usage.cached_tokens},
            {"output_tokens", usage.completion_tokens}};
  }

  Json head_json() const {
    return {{"id", head_.id},           {"type", "message"},  {"role", "assistant"},
            {"model", head_.model},     {"content", nullptr}, {"stop_reason", nullptr},
            {"stop_sequence", nullptr}, {"usage", nullptr}};
  }
  Json stop_sequence_json() const {
    return stop_sequence_.empty() ? Json(nullptr) : Json(stop_sequence_);
  }

  static std::string event(std::string_view type, const Json& fields) {
    Json data = {{"type", type}};
    data.update(fields);
    return server_sent_event(data, type);
  }

  std::string take(const std::vector<OutputEvent>& parts) {
    std::string events;
    for (const OutputEvent& part : parts) {
      switch (part.kind) {
        case OutputEvent::Kind::kText:
          events += add_text("text", "text", "text_delta", part.text);
          break;
        case OutputEvent::Kind::kReasoning:
          events += add_text("thinking", "thinking", "thinking_delta", part.text);
          break;
        case OutputEvent::Kind::kToolCall:
          events += begin_call(part.call);
          events += add_arguments(part.call.arguments);
          events += end_call();
          break;
        case OutputEvent::Kind::kCallBegin:
          events += begin_call(part.call);
          break;
        case OutputEvent::Kind::kCallArguments:
          events += add_arguments(part.text);
          break;
        case OutputEvent::Kind::kCallEnd:
          events += end_call();
          break;
        case OutputEvent::Kind::kWarning:
          warn(part.text);
          break;
      }
    }
    return events;
  }

  std::string add_text(std::string_view type, std::string_view member, std::string_view delta,
                       const std::string& text) {
    std::string events;
    if (!is_open_ || content_.back()["type"] != type) {
      Json block = {{"type", type}, {member, ""}};
      if (type == "thinking") block["signature"] = "";
      events = end_block();
      events += begin_block(std::move(block));
    }
    auto& all = content_.back()[std::string(member)].get_ref<std::string&>();
    all += text;
    return events + block_delta({{"type", delta}, {member, text}});
  }

  std::string begin_call(const ToolCall& call) {
    has_calls_ = is_within_call_ = true;
    arguments_.clear();
    Json block = {
        {"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", Json::object()}};
    std::string events = end_block();
    return events += begin_block(std::move(block));
  }
  std::string add_arguments(const std::string& piece) {
    arguments_ += piece;
    return block_delta({{"type", "input_json_delta"}, {"partial_json", piece}});
  }
  std::string end_call() {
    is_within_call_ = false;
    content_.back()["input"] = Json::parse(arguments_, nullptr, /*allow_exceptions=*/false);
    return end_block();
  }

  std::string begin_block(Json block) {
    content_.push_back(block);
    is_open_ = true;
    return event("content_block_start",
                 {{"index", content_.size() - 1}, {"content_block", std::move(block)}});
  }
  std::string block_delta(Json delta) const {
    return event("content_block_delta",
                 {{"index", content_.size() - 1}, {"delta", std::move(delta)}});
  }
  std::string end_block() {
    if (!std::exchange(is_open_, false)) return {};
    // Nothing is signed here, but clients wait for it.
    const bool is_thinking = content_.back()["type"] == "thinking";
    std::string events =
        is_thinking ? block_delta({{"type", "signature_delta"}, {"signature", ""}}) : "";
    return events + event("content_block_stop", {{"index", content_.size() - 1}});
  }

  const AnswerHead head_;
  std::unique_ptr<OutputParser> parser_;
  const std::int64_t prompt_tokens_;
  Json content_ = Json::array();
  bool is_open_ = false;  // the last block of the content
  bool has_calls_ = false;
  bool is_within_call_ = false;  // whose arguments are not complete
  std::string arguments_;        // of the last call
  std::string stop_reason_, stop_sequence_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_message_format(AnswerHead head, const AnswerParsing& parsing,
                                                  std::int64_t prompt_tokens) {
  return std::make_unique<MessageFormat>(std::move(head), parsing, prompt_tokens);
}

}  // namespace linnet::serve
