#include "serve/answers/formats.hpp"
#include "serve/answers/logprobs.hpp"

namespace linnet::serve {
namespace {

// https://github.com/ggml-org/llama.cpp/tree/master/tools/server: events without a last [DONE].
class LlamaFormat final : public AnswerFormat {
 public:
  LlamaFormat(AnswerHead head, const Tokenizer& tokenizer, LlamaRequest request)
      : head_(std::move(head)),
        tokenizer_(tokenizer),
        request_(std::move(request)),
        texts_(request_.prompts.size()) {}

  std::string open() override { return {}; }

  std::string add(std::size_t index, const GeneratedText& generated) override {
    Text& own = texts_[index];
    own.text += generated.text;
    if (head_.keeps_logprobs) {
      append(generated.logprobs, own.logprobs);
      own.tokens.insert(own.tokens.end(), generated.tokens.begin(), generated.tokens.end());
      return {};
    }
    Json event = part_json(index, generated.text, generated.logprobs, /*is_last=*/false);
    event["tokens"] = generated.tokens;
    if (head_.times_tokens) event["timings"] = llama_timings_json(own.usage);
    return server_sent_event(event);
  }

  std::string tell_progress(std::size_t index, const PromptProgress& progress,
                            const Usage& so_far) override {
    Json event = part_json(index, "", {}, /*is_last=*/false);
    event["prompt_progress"] = prompt_progress_json(progress, so_far.prompt_tokens);
    return server_sent_event(event);
  }

  void tell_usage(std::size_t index, const Usage& so_far) override { texts_[index].usage = so_far; }

  std::string close(std::size_t index, const Ending& ending) override {
    Text& own = texts_[index];
    own.usage = ending.usage;
    own.stop_string = ending.stop_string;
    own.is_cut = ending.reason == FinishReason::kLength &&
                 own.usage.prompt_tokens + own.usage.completion_tokens >= request_.context;
    own.stop_type = ending.reason == FinishReason::kLength ? "limit"
                    : own.stop_string.empty()              ? "eos"
                                                           : "word";
    return head_.keeps_logprobs ? "" : server_sent_event(last(index, ending.usage, "", {}));
  }

  std::string end(const Usage&) override { return {}; }

  // An object, or of several prompts a list of them.
  Json whole(const Usage& usage) override {
    if (texts_.size() == 1) return last(0, usage, texts_[0].text, texts_[0].logprobs);
    Json all = Json::array();
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      all.push_back(last(i, texts_[i].usage, texts_[i].text, texts_[i].logprobs));
    }
    return all;
  }

 private:
  using Logprobs = std::vector<TokenLogprobs>;

  struct Text {
    Logprobs logprobs;
    std::vector<TokenId> tokens;  // where they were asked for
    std::string text, stop_type, stop_string;
    bool is_cut = false;  // by the end of the context
    Usage usage;
  };

  Json part_json(std::size_t index, std::string_view text, const Logprobs& logprobs,
                 bool is_last) const {
    const Usage& so_far = texts_[index].usage;
    Json json = {{"index", index},
                 {"content", text},
                 {"tokens", Json::array()},
                 {"stop", is_last},
                 {"id_slot", -1},  // texts have no place of their own
                 {"tokens_predicted", so_far.completion_tokens},
                 {"tokens_evaluated", so_far.prompt_tokens}};
    if (!head_.has_logprobs) return json;
    Json& probabilities = json["completion_probabilities"] = Json::array();
    for (const TokenLogprobs& of : logprobs) probabilities.push_back(llama_logprob(tokenizer_, of));
    return json;
  }

  Json last(std::size_t index, const Usage& usage, std::string_view text,
            const Logprobs& logprobs) const {
    Json json = part_json(index, text, logprobs, /*is_last=*/true);
    json["tokens"] = texts_[index].tokens;
    json["model"] = head_.model;
    json["tokens_predicted"] = usage.completion_tokens;
    json["tokens_evaluated"] = usage.prompt_tokens;
    json["tokens_cached"] = usage.prompt_tokens + usage.completion_tokens;
    json["generation_settings"] = request_.settings;
    json["prompt"] = request_.prompts[index];
    json["has_new_line"] = texts_[index].text.find('\n') != std::string::npos;
    json["truncated"] = texts_[index].is_cut;
    json["stop_type"] = texts_[index].stop_type;
    json["stopping_word"] = texts_[index].stop_string;
    json["timings"] = llama_timings_json(usage);
    Json shown = request_.fields.empty() ? std::move(json) : fields_of(json);
    add_warnings(shown);
    return shown;
  }

  // Those that were asked for and are there.
  Json fields_of(const Json& json) const {
    Json chosen = Json::object();
    for (const std::string& path : request_.fields) {
      const std::size_t slash = path.find('/');
      const auto part = json.find(path.substr(0, slash));
      if (part == json.end()) continue;
      if (slash == std::string::npos) {
        chosen[path] = *part;
      } else if (part->is_object() && part->contains(path.substr(slash + 1))) {
        chosen[path] = part->at(path.substr(slash + 1));
      }
    }
    return chosen;
  }

  const AnswerHead head_;
  const Tokenizer& tokenizer_;
  const LlamaRequest request_;
  std::vector<Text> texts_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_llama_format(AnswerHead head, const Tokenizer& tokenizer,
                                                LlamaRequest request) {
  return std::make_unique<LlamaFormat>(std::move(head), tokenizer, std::move(request));
}

}  // namespace linnet::serve
