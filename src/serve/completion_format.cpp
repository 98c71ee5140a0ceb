#include "serve/answer_format.hpp"

namespace linnet::serve {
namespace {

std::string_view reason_name(FinishReason reason) {
  return reason == FinishReason::kLength ? "length" : "stop";
}

class CompletionFormat final : public AnswerFormat {
 public:
  CompletionFormat(AnswerHead head, std::size_t choices, std::string echo)
      : head_(std::move(head)), echo_(std::move(echo)), choices_(choices) {}

  std::string open() override {
    std::string events;
    if (echo_.empty()) return events;
    for (std::size_t i = 0; i < choices_.size(); ++i) events += add(i, echo_);
    return events;
  }

  std::string add(std::size_t choice, std::string_view text) override {
    choices_[choice].text += text;
    return event(Json::array({choice_json(choice, text, nullptr)}));
  }

  std::string close(std::size_t choice, FinishReason reason) override {
    choices_[choice].reason = reason_name(reason);
    return event(Json::array({choice_json(choice, "", choices_[choice].reason)}));
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
      answer["choices"].push_back(choice_json(i, choices_[i].text, choices_[i].reason));
    }
    answer["usage"] = usage_json(usage);
    answer["timings"] = timings_json(usage);
    return answer;
  }

 private:
  struct Choice {
    std::string text, reason;
  };

  static Json choice_json(std::size_t choice, std::string_view text, const Json& reason) {
    return {{"text", text}, {"index", choice}, {"logprobs", nullptr}, {"finish_reason", reason}};
  }
  Json head_json() const {
    return {{"id", head_.id},
            {"object", "text_completion"},
            {"created", head_.created},
            {"model", head_.model}};
  }
  std::string event(Json choices) const {
    Json chunk = head_json();
    chunk["choices"] = std::move(choices);
    return server_sent_event(chunk);
  }

  const AnswerHead head_;
  const std::string echo_;
  std::vector<Choice> choices_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_completion_format(AnswerHead head, std::size_t choices,
                                                     std::string echo) {
  return std::make_unique<CompletionFormat>(std::move(head), choices, std::move(echo));
}

}  // namespace linnet::serve
