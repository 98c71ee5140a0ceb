// Ollama's API: https://github.com/ollama/ollama/blob/main/docs/api.md

#include <ctime>

#include "chat/json_text.hpp"
#include "serve/answers/formats.hpp"
#include "serve/answers/logprobs.hpp"
#include "serve/iso_time.hpp"

namespace linnet::serve {
namespace {

std::int64_t nanoseconds(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

// Tokens whose log probabilities wait for the line of some text.
constexpr std::size_t kMostHeld = 256;

// A line of JSON for each part of an answer.
class OllamaFormat final : public AnswerFormat {
 public:
  OllamaFormat(AnswerHead head, const Tokenizer& tokenizer, std::unique_ptr<OutputParser> parser,
               bool is_chat)
      : head_(std::move(head)),
        tokenizer_(tokenizer),
        parser_(std::move(parser)),
        is_chat_(is_chat) {}

  std::string_view content_type() const override { return "application/x-ndjson"; }
  std::string keep_alive() const override { return line({}, {}); }

  std::string open() override { return {}; }

  std::string add(std::size_t, const GeneratedText& generated) override {
    append(generated.logprobs, new_logprobs_);
    std::string lines =
        take(parser_ ? parser_->push(generated.text)
                     : std::vector<OutputEvent>{{OutputEvent::Kind::kText, generated.text, {}}});
    // A long call comes as one, and there are tokens without any text.
    if (new_logprobs_.size() > kMostHeld && !keeps_logprobs()) {
      lines += line({}, std::exchange(new_logprobs_, {}));
    }
    return lines;
  }

  std::string close(std::size_t, const Ending& ending) override {
    reason_ = ending.reason == FinishReason::kLength ? "length" : "stop";
    return parser_ ? take(parser_->finish()) : std::string();
  }

  std::string end(const Usage& usage) override { return json_text(last(usage, {})) + "\n"; }

  std::string fail(const ApiError& error) override {
    return json_text(to_json(error, ErrorShape::kOllama)) + "\n";
  }

  Json whole(const Usage& usage) override { return last(usage, all_); }

 private:
  // Some of an answer, or all of it.
  struct Part {
    std::string text{}, thinking{};
    Json calls = Json::array();
  };

  std::string take(const std::vector<OutputEvent>& events) {
    std::string lines;
    for (const OutputEvent& event : events) {
      if (event.kind == OutputEvent::Kind::kWarning) {
        warn(event.text);
        continue;
      }
      Part part;
      if (event.kind == OutputEvent::Kind::kText) part.text = event.text;
      if (event.kind == OutputEvent::Kind::kReasoning) part.thinking = event.text;
      if (event.kind == OutputEvent::Kind::kToolCall) part.calls.push_back(call_json(event.call));
      all_.text += part.text;
      all_.thinking += part.thinking;
      for (const Json& call : part.calls) all_.calls.push_back(call);
      if (keeps_logprobs()) continue;
      lines += line(part, std::exchange(new_logprobs_, {}));
    }
    return lines;
  }

  // For whole(): then nobody reads the lines.
  bool keeps_logprobs() const { return head_.has_logprobs && head_.keeps_logprobs; }

  static Json call_json(const ToolCall& call) {
    return {{"id", call.id},
            {"function",
             {{"name", call.name},
              {"arguments", Json::parse(call.arguments, nullptr, /*allow_exceptions=*/false)}}}};
  }

  std::string line(const Part& part, const std::vector<TokenLogprobs>& logprobs) const {
    Json json = part_json(part);
    json["done"] = false;
    add_logprobs(logprobs, json);
    return json_text(json) + "\n";
  }

  void add_logprobs(const std::vector<TokenLogprobs>& logprobs, Json& json) const {
    if (!head_.has_logprobs || logprobs.empty()) return;
    for (const TokenLogprobs& of : logprobs) {
      json["logprobs"].push_back(chat_logprob(tokenizer_, of));
    }
  }

  Json part_json(const Part& part) const {
    Json json = {{"model", head_.model}, {"created_at", iso_time(std::time(nullptr))}};
    if (is_chat_) {
      json["message"] = {{"role", "assistant"}, {"content", part.text}};
    } else {
      json["response"] = part.text;
    }
    Json& holder = is_chat_ ? json["message"] : json;
    if (!part.thinking.empty()) holder["thinking"] = part.thinking;
    if (!part.calls.empty()) holder["tool_calls"] = part.calls;
    return json;
  }

  Json last(const Usage& usage, const Part& part) {
    Json json = part_json(part);
    json["done"] = true;
    json["done_reason"] = reason_;
    json["total_duration"] = nanoseconds(usage.total_s);
    json["load_duration"] = nanoseconds(usage.queue_s);
    json["prompt_eval_count"] = usage.prompt_tokens;
    json["prompt_eval_duration"] = nanoseconds(usage.prompt_s());
    json["eval_count"] = usage.completion_tokens;
    json["eval_duration"] = nanoseconds(usage.generation_s());
    add_logprobs(new_logprobs_, json);  // of a stream: those that no line took along
    add_warnings(json);
    return json;
  }

  const AnswerHead head_;
  const Tokenizer& tokenizer_;
  const std::unique_ptr<OutputParser> parser_;  // null: all is text
  const bool is_chat_;
  Part all_;
  std::vector<TokenLogprobs> new_logprobs_;  // that the next line takes along
  std::string reason_;
};

class OllamaEmbeddingFormat final : public WholeFormat {
 public:
  OllamaEmbeddingFormat(AnswerHead head, PooledTexts texts, bool is_list)
      : head_(std::move(head)), texts_(std::move(texts)), is_list_(is_list) {}

  Json whole(const Usage& usage) override {
    if (!is_list_) {
      Json answer = {{"embedding", texts_.vector(0)}};
      add_warnings(answer);
      return answer;
    }
    Json embeddings = Json::array();
    for (std::size_t i = 0; i < texts_.pooled.size(); ++i) {
      embeddings.push_back(texts_.vector(i));
    }
    Json answer = {{"model", head_.model},
                   {"embeddings", std::move(embeddings)},
                   {"total_duration", nanoseconds(usage.total_s)},
                   {"load_duration", nanoseconds(usage.queue_s)},
                   {"prompt_eval_count", usage.prompt_tokens}};
    add_warnings(answer);
    return answer;
  }

 private:
  const AnswerHead head_;
  const PooledTexts texts_;
  const bool is_list_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_ollama_format(AnswerHead head, const Tokenizer& tokenizer,
                                                 const std::optional<AnswerParsing>& parsing,
                                                 bool is_chat) {
  std::unique_ptr<OutputParser> parser;
  if (parsing) {
    OutputOptions options = parsing->options;
    options.whole_calls = true;  // arguments are objects, of which there are no pieces
    parser = make_output_parser(parsing->format, options);
  }
  return std::make_unique<OllamaFormat>(std::move(head), tokenizer, std::move(parser), is_chat);
}

std::unique_ptr<AnswerFormat> make_ollama_embedding_format(AnswerHead head, PooledTexts texts,
                                                           bool is_list) {
  return std::make_unique<OllamaEmbeddingFormat>(std::move(head), std::move(texts), is_list);
}

}  // namespace linnet::serve
