#include <fmt/format.h>

#include "serve/answers/formats.hpp"
#include "serve/answers/logprobs.hpp"

namespace linnet::serve {
namespace {

// https://platform.openai.com/docs/api-reference/responses: a list of items (thinking, a message,
// calls of tools), of which one is open at a time.
class ResponseFormat final : public AnswerFormat {
 public:
  ResponseFormat(AnswerHead head, const Tokenizer& tokenizer, const AnswerParsing& parsing,
                 Json settings)
      : head_(std::move(head)),
        tokenizer_(tokenizer),
        parser_(make_output_parser(parsing.format, parsing.options)),
        settings_(std::move(settings)) {}

  std::string open() override {
    const Json response = response_json("in_progress", nullptr);
    std::string events = event("response.created", {{"response", response}});
    return events += event("response.in_progress", {{"response", response}});
  }

  std::string add(std::size_t, const GeneratedText& generated) override {
    for (const TokenLogprobs& of : generated.logprobs) {
      new_logprobs_.push_back(chat_logprob(tokenizer_, of));
    }
    return take(parser_->push(generated.text));
  }

  std::string close(std::size_t, const Ending& ending) override {
    is_complete_ = ending.reason != FinishReason::kLength;
    std::string events = take(parser_->finish());
    // An answer has at least a message.
    if (output_.empty()) events += begin_item(Kind::kMessage);
    return events += end_item();
  }

  std::string end(const Usage& usage) override {
    const Json response = whole(usage);
    return event(is_complete_ ? "response.completed" : "response.incomplete",
                 {{"response", response}});
  }

  std::string fail(const ApiError& error) override {
    Json response = response_json("failed", nullptr);
    response["error"] = {{"code", "server_error"}, {"message", error.message}};
    return event("response.failed", {{"response", std::move(response)}});
  }

  Json whole(const Usage& usage) override {
    const Json usage_of_response = {
        {"input_tokens", usage.prompt_tokens},
        {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
        {"output_tokens", usage.completion_tokens},
        {"output_tokens_details", {{"reasoning_tokens", count_tokens_of(tokenizer_, reasoning_)}}},
        {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
    Json response = response_json(is_complete_ ? "completed" : "incomplete", usage_of_response);
    if (!is_complete_) response["incomplete_details"] = {{"reason", "max_output_tokens"}};
    response["timings"] = timings_json(usage);
    add_warnings(response);
    return response;
  }

 private:
  enum class Kind { kNone, kMessage, kReasoning, kCall };

  Json response_json(std::string_view status, Json usage) const {
    Json response = {
        {"id", head_.id},       {"object", "response"}, {"created_at", head_.created},
        {"status", status},     {"error", nullptr},     {"incomplete_details", nullptr},
        {"model", head_.model}, {"output", output_}};
    response.update(settings_);
    response["usage"] = std::move(usage);
    return response;
  }

  std::string event(std::string_view type, const Json& fields) {
    Json data = {{"type", type}, {"sequence_number", sequence_number_++}};
    data.update(fields);
    return server_sent_event(data, type);
  }
  // An event about the last item.
  std::string item_event(std::string_view type, const Json& fields) {
    Json data = {{"item_id", output_.back()["id"]}, {"output_index", output_.size() - 1}};
    data.update(fields);
    return event(type, data);
  }
  std::string content_event(std::string_view type, const Json& fields) {
    Json data = {{"content_index", 0}};
    data.update(fields);
    return item_event(type, data);
  }
  std::string item_as_a_whole(std::string_view type) {
    return event(type, {{"output_index", output_.size() - 1}, {"item", output_.back()}});
  }

  std::string take(const std::vector<OutputEvent>& parts) {
    std::string events;
    for (const OutputEvent& part : parts) {
      switch (part.kind) {
        case OutputEvent::Kind::kText:
          events += add_text(Kind::kMessage, part.text);
          break;
        case OutputEvent::Kind::kReasoning:
          reasoning_ += part.text;
          events += add_text(Kind::kReasoning, part.text);
          break;
        case OutputEvent::Kind::kToolCall:
          events += begin_call(part.call);
          events += add_arguments(part.call.arguments);
          events += end_call("completed");
          break;
        case OutputEvent::Kind::kCallBegin:
          events += begin_call(part.call);
          break;
        case OutputEvent::Kind::kCallArguments:
          events += add_arguments(part.text);
          break;
        case OutputEvent::Kind::kCallEnd:
          events += end_call("completed");
          break;
        case OutputEvent::Kind::kWarning:
          warn(part.text);
          break;
      }
    }
    return events;
  }

  std::string add_text(Kind kind, const std::string& text) {
    std::string events;
    if (open_ != kind) {
      events = end_item();
      events += begin_item(kind);
    }
    Json& part = output_.back()["content"][0];
    part["text"].get_ref<std::string&>() += text;
    if (kind == Kind::kReasoning) {
      return events + content_event("response.reasoning_text.delta", {{"delta", text}});
    }
    Json logprobs = take_logprobs(part);
    return events + content_event("response.output_text.delta",
                                  {{"delta", text}, {"logprobs", std::move(logprobs)}});
  }

  // The ones that came since the last event; also kept in the part.
  Json take_logprobs(Json& part) {
    for (const Json& of : new_logprobs_) part["logprobs"].push_back(of);
    return std::exchange(new_logprobs_, Json::array());
  }

  std::string begin_item(Kind kind) {
    open_ = kind;
    if (kind == Kind::kReasoning) {
      output_.push_back({{"id", item_id("rs")},
                         {"type", "reasoning"},
                         {"status", "in_progress"},
                         {"summary", Json::array()},
                         {"content", Json::array()}});
    } else {
      output_.push_back({{"id", item_id("msg")},
                         {"type", "message"},
                         {"status", "in_progress"},
                         {"role", "assistant"},
                         {"content", Json::array()}});
    }
    std::string events = item_as_a_whole("response.output_item.added");
    Json part = kind == Kind::kReasoning ? Json{{"type", "reasoning_text"}, {"text", ""}}
                                         : Json{{"type", "output_text"},
                                                {"text", ""},
                                                {"annotations", Json::array()},
                                                {"logprobs", Json::array()}};
    events += content_event("response.content_part.added", {{"part", part}});
    output_.back()["content"].push_back(std::move(part));
    return events;
  }

  std::string end_item() {
    if (open_ == Kind::kNone) return {};
    if (open_ == Kind::kCall) return end_call("incomplete");
    const bool is_message = std::exchange(open_, Kind::kNone) == Kind::kMessage;
    Json& item = output_.back();
    Json& part = item["content"][0];
    if (is_message) take_logprobs(part);
    item["status"] = is_complete_ ? "completed" : "incomplete";
    Json text = {{"text", part["text"]}};
    if (is_message) text["logprobs"] = part["logprobs"];
    std::string events = content_event(
        is_message ? "response.output_text.done" : "response.reasoning_text.done", text);
    events += content_event("response.content_part.done", {{"part", part}});
    return events += item_as_a_whole("response.output_item.done");
  }

  std::string begin_call(const ToolCall& call) {
    std::string events = end_item();
    open_ = Kind::kCall;
    output_.push_back({{"id", item_id("fc")},
                       {"type", "function_call"},
                       {"status", "in_progress"},
                       {"call_id", call.id},
                       {"name", call.name},
                       {"arguments", ""}});
    return events += item_as_a_whole("response.output_item.added");
  }

  std::string add_arguments(const std::string& piece) {
    output_.back()["arguments"].get_ref<std::string&>() += piece;
    return item_event("response.function_call_arguments.delta", {{"delta", piece}});
  }

  std::string end_call(std::string_view status) {
    open_ = Kind::kNone;
    Json& item = output_.back();
    item["status"] = status;
    std::string events;
    if (status == "completed") {
      events = item_event("response.function_call_arguments.done",
                          {{"name", item["name"]}, {"arguments", item["arguments"]}});
    }
    return events += item_as_a_whole("response.output_item.done");
  }

  // As unique as the id of the response.
  std::string item_id(std::string_view prefix) const {
    return fmt::format("{}_{}_{}", prefix, head_.id.substr(head_.id.find('_') + 1), output_.size());
  }

  const AnswerHead head_;
  const Tokenizer& tokenizer_;
  std::unique_ptr<OutputParser> parser_;
  const Json settings_;
  Json output_ = Json::array();
  Json new_logprobs_ = Json::array();
  std::string reasoning_;
  Kind open_ = Kind::kNone;  // the kind of the last item, while it grows
  bool is_complete_ = true;
  std::int64_t sequence_number_ = 0;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_response_format(AnswerHead head, const Tokenizer& tokenizer,
                                                   const AnswerParsing& parsing, Json settings) {
  return std::make_unique<ResponseFormat>(std::move(head), tokenizer, parsing, std::move(settings));
}

}  // namespace linnet::serve
