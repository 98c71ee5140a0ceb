#include "serve/answers/formats.hpp"
#include "serve/answers/logprobs.hpp"

namespace linnet::serve {
namespace {

class CompletionFormat final : public AnswerFormat {
 public:
  CompletionFormat(AnswerHead head, const Tokenizer& tokenizer, std::vector<Echo> echoes)
      : head_(std::move(head)), tokenizer_(tokenizer) {
    for (std::size_t i = 0; i < echoes.size(); ++i) {
      choices_.push_back(
          {.echo = std::move(echoes[i]),
           .text_events = TextEvents(chunk(i, TextEvents::kHole, nullptr, nullptr))});
    }
  }

  std::string open() override {
    std::string events;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      Choice& choice = choices_[i];
      choice.offset = count_characters(choice.echo.text);
      choice.text = choice.echo.text;
      if (choice.text.empty() || choice.waits()) continue;
      events += event(i, choice.text, nullptr, nullptr);
    }
    return events;
  }

  std::string tell_progress(std::size_t index, const PromptProgress& progress,
                            const Usage& so_far) override {
    Json event = chunk(index, "", nullptr, nullptr);
    event["prompt_progress"] = prompt_progress_json(progress, so_far.prompt_tokens);
    return server_sent_event(event);
  }

  void tell_usage(std::size_t index, const Usage& so_far) override {
    choices_[index].usage = so_far;
  }

  std::string add(std::size_t index, const GeneratedText& generated) override {
    Choice& choice = choices_[index];
    choice.text += generated.text;
    if (!head_.has_logprobs && !head_.times_tokens) return choice.text_events.with(generated.text);
    if (head_.keeps_logprobs) {
      append(generated.logprobs, choice.logprobs);
      append(generated.prompt_logprobs, choice.prompt_logprobs);
      return {};
    }
    std::string events = begin(index, generated.prompt_logprobs);
    if (generated.text.empty() && generated.logprobs.empty()) return events;
    Json logprobs;
    if (head_.has_logprobs) {
      logprobs = completion_logprobs(tokenizer_, generated.logprobs, choice.offset);
    }
    return events + event(index, generated.text, std::move(logprobs), nullptr);
  }

  std::string close(std::size_t index, const Ending& ending) override {
    choices_[index].usage = ending.usage;
    choices_[index].reason = ending.reason == FinishReason::kLength ? "length" : "stop";
    return begin(index, {}) + event(index, "", nullptr, choices_[index].reason);
  }

  std::string end(const Usage& usage) override {
    std::string events;
    if (head_.streams_usage) {
      Json chunk = head_json();
      chunk["choices"] = Json::array();
      chunk["usage"] = usage_json(usage);
      chunk["timings"] = timings_json(usage);
      events = server_sent_event(chunk);
    }
    return events + "data: [DONE]\n\n";
  }

  Json whole(const Usage& usage) override {
    Json answer = head_json();
    answer["choices"] = Json::array();
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      const Choice& choice = choices_[i];
      std::int64_t offset = count_characters(choice.echo.text);
      Json logprobs;
      if (head_.has_logprobs) {
        logprobs = prompt_logprobs(tokenizer_, choice.echo.tokens, choice.prompt_logprobs);
        append_lists(completion_logprobs(tokenizer_, choice.logprobs, offset), logprobs);
      }
      answer["choices"].push_back(choice_json(i, choice.text, std::move(logprobs), choice.reason));
    }
    answer["usage"] = usage_json(usage);
    answer["timings"] = timings_json(usage);
    add_warnings(answer);
    return answer;
  }

 private:
  struct Choice {
    Echo echo{};
    std::string text{};
    std::int64_t offset = 0;  // of the next token in the text, in characters
    std::vector<TokenLogprobs> prompt_logprobs{}, logprobs{};
    std::string reason{};
    TextEvents text_events;
    bool has_begun = false;
    Usage usage{};  // so far, where events tell it

    // The echo comes with its log probabilities, before the text.
    bool waits() const { return !echo.tokens.empty() && !has_begun; }
  };

  std::string begin(std::size_t index, const std::vector<TokenLogprobs>& logprobs) {
    Choice& choice = choices_[index];
    if (!choice.waits()) return {};
    choice.has_begun = true;
    return event(index, choice.echo.text, prompt_logprobs(tokenizer_, choice.echo.tokens, logprobs),
                 nullptr);
  }

  static Json choice_json(std::size_t choice, std::string_view text, Json logprobs,
                          const Json& reason) {
    return {{"text", text},
            {"index", choice},
            {"logprobs", std::move(logprobs)},
            {"finish_reason", reason}};
  }
  Json head_json() const {
    return {{"id", head_.id},
            {"object", "text_completion"},
            {"created", head_.created},
            {"model", head_.model},
            {"system_fingerprint", head_.fingerprint}};
  }
  Json chunk(std::size_t choice, std::string_view text, Json logprobs, const Json& reason) const {
    Json chunk = head_json();
    chunk["choices"] = Json::array({choice_json(choice, text, std::move(logprobs), reason)});
    if (head_.streams_usage) chunk["usage"] = nullptr;
    return chunk;
  }
  std::string event(std::size_t choice, std::string_view text, Json logprobs,
                    const Json& reason) const {
    Json event = chunk(choice, text, std::move(logprobs), reason);
    if (!reason.is_null()) add_warnings(event);
    const bool is_last = !reason.is_null() && !head_.streams_usage;
    if (head_.times_tokens || is_last) event["timings"] = timings_json(choices_[choice].usage);
    return server_sent_event(event);
  }

  const AnswerHead head_;
  const Tokenizer& tokenizer_;
  std::vector<Choice> choices_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_completion_format(AnswerHead head, const Tokenizer& tokenizer,
                                                     std::vector<Echo> echoes) {
  return std::make_unique<CompletionFormat>(std::move(head), tokenizer, std::move(echoes));
}

}  // namespace linnet::serve
