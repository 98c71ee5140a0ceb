#include <fmt/format.h>

#include <ctime>
#include <random>

#include "chat/prompt_encoding.hpp"
#include "serve/api.hpp"
#include "serve/chat_request.hpp"

namespace linnet::serve {
namespace {

// What OpenAI's completions endpoint generates where it is not told how much.
constexpr std::int64_t kCompletionTokens = 16;
constexpr int kRetryAfter_s = 1;

std::string random_id(std::string_view prefix) {
  std::random_device device;
  return fmt::format("{}-{:08x}{:08x}{:08x}", prefix, device(), device(), device());
}

ApiError too_long(std::int64_t prompt_tokens, std::int64_t max_tokens, std::int64_t context) {
  return invalid_request(
      fmt::format("the prompt has {} tokens and {} are to be generated, together {}, but the "
                  "context holds {}",
                  prompt_tokens, max_tokens, prompt_tokens + max_tokens, context),
      "", "context_length_exceeded");
}

// The prompt of a completion: its ids, and its text for `echo`.
struct CompletionPrompt {
  std::vector<TokenId> tokens;
  std::string text;
};

std::variant<CompletionPrompt, ApiError> read_prompt(const Tokenizer& tokenizer,
                                                     const Json* prompt) {
  CompletionPrompt read;
  // A list of one text stands for the text.
  if (prompt && prompt->is_array() && prompt->size() == 1 && prompt->front().is_string()) {
    prompt = &prompt->front();
  }
  if (prompt && prompt->is_string()) {
    read.text = prompt->get<std::string>();
    auto ids =
        tokenizer.encode(read.text, {.add_special = true, .parse_special = false, .plain = {}});
    if (!ids) return invalid_request("prompt: " + ids.error().message, "prompt");
    read.tokens = std::move(*ids);
  } else if (prompt && prompt->is_array()) {
    auto ids = read_tokens(*prompt, "prompt", tokenizer.vocabulary_size());
    if (const auto* error = std::get_if<ApiError>(&ids)) return *error;
    read.tokens = std::get<std::vector<TokenId>>(std::move(ids));
    Detokenizer detokenizer(tokenizer);
    for (const TokenId id : read.tokens) read.text += detokenizer.push(id);
    read.text += detokenizer.finish();
  } else {
    return invalid_request("prompt: expected a string or an array of token ids", "prompt");
  }
  if (read.tokens.empty()) return invalid_request("prompt: it has no tokens", "prompt");
  return read;
}

}  // namespace

std::optional<ApiError> Api::check_model(Fields& fields) const {
  const auto name = fields.text("model");
  if (fields.error()) return fields.error();
  if (!name || *name == model_.id || name->empty()) return std::nullopt;
  ApiError error = not_found(
      fmt::format("the model {} does not exist here; this server runs {}", *name, model_.id),
      "model_not_found");
  error.param = "model";
  return error;
}

AnswerHead Api::head(std::string_view prefix, const GenerationOptions& options) const {
  return {random_id(prefix), model_.id, std::time(nullptr), options.streams_usage};
}

Api::Handled Api::completions(const ApiRequest& request, const Json& body) {
  Fields fields(body);
  Work work;
  if (auto error = check_model(fields)) return *error;
  work.options = read_generation_options(fields);
  const bool echoes = fields.boolean("echo", false);
  if (fields.error()) return *fields.error();
  auto prompt = read_prompt(*model_.tokenizer, fields.find("prompt"));
  if (const auto* error = std::get_if<ApiError>(&prompt)) return *error;
  auto& [tokens, text] = std::get<CompletionPrompt>(prompt);
  work.prompt = std::move(tokens);
  if (!work.options.max_tokens) work.options.max_tokens = kCompletionTokens;
  work.format = make_completion_format(head("cmpl", work.options),
                                       static_cast<std::size_t>(work.options.choices),
                                       echoes ? std::move(text) : std::string());
  return start(request, std::move(work));
}

std::variant<Prompt, ApiError> Api::render(const ChatRequest& request) const {
  if (!model_.chat) return invalid_request(model_.chat_problem, "", "no_chat_template");
  auto prompt = model_.chat->render(request);
  if (!prompt) return invalid_request(prompt.error().message, "messages");
  return std::move(*prompt);
}

// The control tokens whose text the parser of answers needs.
std::vector<TokenId> Api::markers(const OutputFormat& format) const {
  std::vector<TokenId> tokens;
  for (TokenId id = 0; id < model_.tokenizer->vocabulary_size(); ++id) {
    if (model_.tokenizer->is_control(id) && is_marker(format, model_.tokenizer->piece(id))) {
      tokens.push_back(id);
    }
  }
  return tokens;
}

Api::Handled Api::chat_completions(const ApiRequest& request, const Json& body) {
  Fields fields(body);
  Work work;
  if (auto error = check_model(fields)) return *error;
  work.options = read_generation_options(fields);
  const ChatRequest chat = read_chat_request(fields);
  if (fields.error()) return *fields.error();
  auto rendered = render(chat);
  if (const auto* error = std::get_if<ApiError>(&rendered)) return *error;
  const auto& prompt = std::get<Prompt>(rendered);
  auto ids = encode_prompt(*model_.tokenizer, prompt);
  if (!ids) return invalid_request("messages: " + ids.error().message, "messages");
  work.prompt = std::move(*ids);
  work.shown_tokens = markers(prompt.output_format);
  work.format =
      make_chat_format(head("chatcmpl", work.options),
                       static_cast<std::size_t>(work.options.choices), prompt.output_format,
                       {.tools = chat.tools,
                        .starts_in_reasoning = prompt.ends_in_reasoning,
                        .id_seed = work.options.sampling.seed});
  return start(request, std::move(work));
}

std::variant<std::int64_t, ApiError> Api::tokens_to_generate(const Work& work) const {
  const auto prompt_tokens = static_cast<std::int64_t>(work.prompt.size());
  const std::int64_t left = model_.context - prompt_tokens;
  const std::int64_t wanted = work.options.max_tokens.value_or(std::max<std::int64_t>(left, 1));
  if (wanted > left) return too_long(prompt_tokens, wanted, model_.context);
  return wanted;
}

Api::Handled Api::start(const ApiRequest& request, Work work) {
  if (engine_.state() != EngineThread::State::kReady) return health(request, {});
  if (work.prompt.empty()) return invalid_request("the prompt has no tokens");
  const auto max_tokens = tokens_to_generate(work);
  if (const auto* error = std::get_if<ApiError>(&max_tokens)) return *error;
  std::vector<EngineThread::Job> jobs;
  std::vector<std::shared_ptr<Generation>> generations;
  for (std::int64_t i = 0; i < work.options.choices; ++i) {
    generations.push_back(std::make_shared<Generation>(
        *model_.tokenizer,
        Generation::Options{.stops = work.options.stops, .shown_tokens = work.shown_tokens},
        metrics_, request.notify));
    jobs.push_back({make_generate_request(model_, work.options, work.prompt,
                                          std::get<std::int64_t>(max_tokens), i),
                    generations.back()});
  }
  if (!engine_.submit(std::move(jobs))) {
    return overloaded("too many requests are waiting; try again later", kRetryAfter_s);
  }
  ApiReply reply;
  if (work.options.streams) reply.content_type = "text/event-stream";
  reply.pending = std::make_unique<PendingAnswer>(std::move(generations), std::move(work.format),
                                                  static_cast<std::int64_t>(work.prompt.size()),
                                                  work.options.streams);
  return reply;
}

}  // namespace linnet::serve
