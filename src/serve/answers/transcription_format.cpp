#include "serve/answers/formats.hpp"

namespace linnet::serve {
namespace {

class TranscriptionFormat final : public AnswerFormat {
 public:
  std::string open() override { return {}; }

  std::string add(std::size_t, const GeneratedText& generated) override {
    text_ += generated.text;
    if (generated.text.empty()) return {};
    return server_sent_event({{"type", "transcript.text.delta"}, {"delta", generated.text}});
  }

  std::string close(std::size_t, const Ending& ending) override {
    reason_ = ending.reason == FinishReason::kLength ? "length" : "stop";
    return {};
  }

  std::string end(const Usage& usage) override {
    Json event = {{"type", "transcript.text.done"},
                  {"text", text_},
                  {"finish_reason", reason_},
                  {"usage", transcription_usage(usage)}};
    add_warnings(event);
    return server_sent_event(event) + "data: [DONE]\n\n";
  }

  Json whole(const Usage& usage) override {
    Json answer = {{"text", text_},
                   {"finish_reason", reason_},
                   {"usage", transcription_usage(usage)},
                   {"timings", timings_json(usage)}};
    add_warnings(answer);
    return answer;
  }

 private:
  static Json transcription_usage(const Usage& usage) {
    return {{"type", "tokens"},
            {"input_tokens", usage.prompt_tokens},
            {"output_tokens", usage.completion_tokens},
            {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
  }

  std::string text_;
  std::string_view reason_ = "stop";  // which OpenAI's API does not tell: it cuts no text
};

}  // namespace

std::unique_ptr<AnswerFormat> make_transcription_format() {
  return std::make_unique<TranscriptionFormat>();
}

}  // namespace linnet::serve
