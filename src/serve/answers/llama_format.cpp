#include "serve/answers/formats.hpp"

namespace linnet::serve {
namespace {

// https://github.com/ggml-org/llama.cpp/tree/master/tools/server: events without a last [DONE].
class LlamaFormat final : public AnswerFormat {
 public:
  explicit LlamaFormat(AnswerHead head) : head_(std::move(head)) {}

  std::string open() override { return {}; }

  std::string add(std::size_t, const GeneratedText& generated) override {
    text_ += generated.text;
    return server_sent_event(part_json(generated.text, /*is_last=*/false));
  }

  std::string close(std::size_t, const Ending& ending) override {
    stop_string_ = ending.stop_string;
    stop_type_ = ending.reason == FinishReason::kLength ? "limit"
                 : stop_string_.empty()                 ? "eos"
                                                        : "word";
    return {};
  }

  std::string end(const Usage& usage) override { return server_sent_event(last(usage, "")); }

  Json whole(const Usage& usage) override { return last(usage, text_); }

 private:
  static Json part_json(std::string_view text, bool is_last) {
    return {{"index", 0}, {"content", text}, {"tokens", Json::array()}, {"stop", is_last}};
  }

  Json last(const Usage& usage, std::string_view text) const {
    Json json = part_json(text, /*is_last=*/true);
    json["model"] = head_.model;
    json["tokens_predicted"] = usage.completion_tokens;
    json["tokens_evaluated"] = usage.prompt_tokens;
    json["tokens_cached"] = usage.prompt_tokens + usage.completion_tokens;
    json["truncated"] = false;
    json["stop_type"] = stop_type_;
    json["stopping_word"] = stop_string_;
    json["timings"] = timings(usage);
    return json;
  }

  static Json timings(const Usage& usage) {
    const Json ours = timings_json(usage);
    return {{"cache_n", usage.cached_tokens},
            {"prompt_n", usage.prompt_tokens - usage.cached_tokens},
            {"prompt_ms", usage.prompt_s() * 1e3},
            {"prompt_per_second", ours["prompt_tokens_per_second"]},
            {"predicted_n", usage.completion_tokens},
            {"predicted_ms", usage.generation_s() * 1e3},
            {"predicted_per_second", ours["generation_tokens_per_second"]}};
  }

  const AnswerHead head_;
  std::string text_, stop_type_, stop_string_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_llama_format(AnswerHead head) {
  return std::make_unique<LlamaFormat>(std::move(head));
}

}  // namespace linnet::serve
