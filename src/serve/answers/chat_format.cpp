#include "serve/answers/formats.hpp"
#include "serve/answers/logprobs.hpp"

namespace linnet::serve {
namespace {

// Tokens whose log probabilities wait for the event of some text.
constexpr std::size_t kMostHeld = 256;

// POST /v1/chat/completions: deltas of a message, thinking and calls of tools apart from the text.
class ChatFormat final : public AnswerFormat {
 public:
  ChatFormat(AnswerHead head, const Tokenizer& tokenizer, std::size_t choices,
             const AnswerParsing& parsing)
      : head_(std::move(head)), tokenizer_(tokenizer), choices_(choices) {
    for (std::size_t i = 0; i < choices; ++i) {
      OutputOptions own = parsing.options;
      own.id_seed += i;
      choices_[i].parser = make_output_parser(parsing.format, own);
      choices_[i].text_events.emplace(
          chunk(i, {{"content", TextEvents::kHole}}, logprobs_json({}), nullptr));
    }
  }

  std::string open() override {
    std::string events;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      events += delta_event(i, {{"role", "assistant"}, {"content", ""}}, nullptr);
    }
    return events;
  }

  std::string tell_progress(std::size_t choice, const PromptProgress& progress,
                            const Usage& so_far) override {
    Json event = chunk(choice, Json::object(), nullptr, nullptr);
    event["prompt_progress"] = prompt_progress_json(progress, so_far.prompt_tokens);
    return server_sent_event(event);
  }

  void tell_usage(std::size_t choice, const Usage& so_far) override {
    choices_[choice].usage = so_far;
  }

  std::string add(std::size_t choice, const GeneratedText& generated) override {
    append(generated.logprobs, choices_[choice].new_logprobs);
    std::string events = take(choice, choices_[choice].parser->push(generated.text));
    // A long call comes as one, and there are tokens without any text.
    if (choices_[choice].new_logprobs.size() > kMostHeld) {
      events += delta_event(choice, Json::object(), nullptr);
    }
    return events;
  }

  std::string close(std::size_t choice, const Ending& ending) override {
    std::string events = take(choice, choices_[choice].parser->finish());
    Choice& own = choices_[choice];
    own.reason = ending.reason == FinishReason::kLength    ? "length"
                 : own.calls.empty() || own.is_within_call ? "stop"
                                                           : "tool_calls";
    own.usage = ending.usage;
    return events + delta_event(choice, Json::object(), own.reason);
  }

  std::string end(const Usage& usage) override {
    std::string events;
    if (head_.streams_usage) {
      Json chunk = head_json("chat.completion.chunk");
      chunk["choices"] = Json::array();
      chunk["usage"] = usage_json(usage);
      chunk["usage"]["completion_tokens_details"] = {{"reasoning_tokens", reasoning_tokens()}};
      chunk["timings"] = timings_json(usage);
      events = server_sent_event(chunk);
    }
    return events + "data: [DONE]\n\n";
  }

  Json whole(const Usage& usage) override {
    Json answer = head_json("chat.completion");
    answer["choices"] = Json::array();
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      answer["choices"].push_back({{"index", i},
                                   {"message", message_json(choices_[i])},
                                   {"logprobs", logprobs_json(choices_[i].logprobs)},
                                   {"finish_reason", choices_[i].reason}});
    }
    answer["usage"] = usage_json(usage);
    answer["usage"]["completion_tokens_details"] = {{"reasoning_tokens", reasoning_tokens()}};
    answer["timings"] = timings_json(usage);
    add_warnings(answer);
    return answer;
  }

 private:
  struct Choice {
    std::unique_ptr<OutputParser> parser;
    std::string text, reasoning, reason;
    Json calls = Json::array();
    bool is_within_call = false;              // whose arguments are not complete
    std::vector<TokenLogprobs> logprobs;      // for whole()
    std::vector<TokenLogprobs> new_logprobs;  // that the next event takes along
    std::optional<TextEvents> text_events;
    Usage usage{};  // so far, where events tell it
  };

  static Json message_json(const Choice& choice) {
    const bool has_text = !choice.text.empty() || choice.calls.empty();
    Json message = {{"role", "assistant"},
                    {"content", has_text ? Json(choice.text) : Json(nullptr)},
                    {"refusal", nullptr}};
    if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
    if (!choice.calls.empty()) message["tool_calls"] = choice.calls;
    return message;
  }

  std::string take(std::size_t choice, const std::vector<OutputEvent>& parts) {
    std::string events;
    Choice& own = choices_[choice];
    for (const OutputEvent& part : parts) {
      if (part.kind == OutputEvent::Kind::kWarning) {
        warn(part.text);
        continue;
      }
      remember(part, own);
      if (part.kind == OutputEvent::Kind::kCallEnd) continue;  // the next part tells it
      const bool is_plain =
          part.kind == OutputEvent::Kind::kText && !head_.has_logprobs && !head_.times_tokens;
      events += is_plain ? own.text_events->with(part.text)
                         : delta_event(choice, delta_of(part, own), nullptr);
    }
    return events;
  }

  // For whole().
  static void remember(const OutputEvent& part, Choice& choice) {
    switch (part.kind) {
      case OutputEvent::Kind::kText:
        choice.text += part.text;
        break;
      case OutputEvent::Kind::kReasoning:
        choice.reasoning += part.text;
        break;
      case OutputEvent::Kind::kToolCall:
      case OutputEvent::Kind::kCallBegin:
        choice.calls.push_back(call_json(part.call));
        choice.is_within_call = part.kind == OutputEvent::Kind::kCallBegin;
        break;
      case OutputEvent::Kind::kCallArguments:
        choice.calls.back()["function"]["arguments"].get_ref<std::string&>() += part.text;
        break;
      case OutputEvent::Kind::kCallEnd:
        choice.is_within_call = false;
        break;
      case OutputEvent::Kind::kWarning:
        break;
    }
  }

  static Json call_json(const ToolCall& call) {
    return {{"id", call.id},
            {"type", "function"},
            {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
  }

  // Of the part that was remembered last.
  static Json delta_of(const OutputEvent& part, const Choice& choice) {
    if (part.kind == OutputEvent::Kind::kText) return {{"content", part.text}};
    if (part.kind == OutputEvent::Kind::kReasoning) return {{"reasoning_content", part.text}};
    const bool goes_on = part.kind == OutputEvent::Kind::kCallArguments;
    Json call = goes_on ? Json{{"function", {{"arguments", part.text}}}} : choice.calls.back();
    call["index"] = choice.calls.size() - 1;
    return {{"tool_calls", Json::array({std::move(call)})}};
  }

  Json head_json(std::string_view object) const {
    return {{"id", head_.id},
            {"object", object},
            {"created", head_.created},
            {"model", head_.model},
            {"system_fingerprint", head_.fingerprint}};
  }
  Json logprobs_json(const std::vector<TokenLogprobs>& logprobs) const {
    if (!head_.has_logprobs) return nullptr;
    Json content = Json::array();
    for (const TokenLogprobs& of : logprobs) content.push_back(chat_logprob(tokenizer_, of));
    return {{"content", std::move(content)}, {"refusal", nullptr}};
  }
  // Of the text that is thinking.
  std::int64_t reasoning_tokens() const {
    std::int64_t tokens = 0;
    for (const Choice& choice : choices_) tokens += count_tokens_of(tokenizer_, choice.reasoning);
    return tokens;
  }
  std::string delta_event(std::size_t index, Json delta, const Json& reason) {
    Choice& choice = choices_[index];
    if (head_.has_logprobs && head_.keeps_logprobs) {  // then nobody reads the events
      append(std::exchange(choice.new_logprobs, {}), choice.logprobs);
      return {};
    }
    Json logprobs = logprobs_json(choice.new_logprobs);
    choice.new_logprobs.clear();
    Json event = chunk(index, std::move(delta), std::move(logprobs), reason);
    if (!reason.is_null()) add_warnings(event);
    const bool is_last = !reason.is_null() && !head_.streams_usage;
    if (head_.times_tokens || is_last) event["timings"] = timings_json(choice.usage);
    return server_sent_event(event);
  }
  Json chunk(std::size_t index, Json delta, Json logprobs, const Json& reason) const {
    Json chunk = head_json("chat.completion.chunk");
    chunk["choices"] = Json::array({{{"index", index},
                                     {"delta", std::move(delta)},
                                     {"logprobs", std::move(logprobs)},
                                     {"finish_reason", reason}}});
    if (head_.streams_usage) chunk["usage"] = nullptr;
    return chunk;
  }

  const AnswerHead head_;
  const Tokenizer& tokenizer_;
  std::vector<Choice> choices_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_chat_format(AnswerHead head, const Tokenizer& tokenizer,
                                               std::size_t choices, const AnswerParsing& parsing) {
  return std::make_unique<ChatFormat>(std::move(head), tokenizer, choices, parsing);
}

}  // namespace linnet::serve
