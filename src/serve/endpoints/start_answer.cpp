#include "serve/endpoints/start_answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <numeric>
#include <random>

#include "serve/api.hpp"
#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

constexpr int kRetryAfter_s = 1;
// Log probabilities of an answer in one piece, each of which takes some 400 bytes while it is
// written.
constexpr std::int64_t kMostLogprobs = 1 << 19;

std::string random_id(std::string_view prefix) {
  std::random_device device;
  return fmt::format("{}{:08x}{:08x}{:08x}", prefix, device(), device(), device());
}

// In the words of Anthropic's server, which clients read to ask for less or to sum up what was
// said.
std::string anthropic_words(std::int64_t prompt_tokens, std::int64_t wanted, std::int64_t context) {
  if (prompt_tokens > context) {
    return fmt::format("prompt is too long: {} tokens > {} maximum", prompt_tokens, context);
  }
  return fmt::format(
      "input length and `max_tokens` exceed context limit: {} + {} > {}, decrease input length or "
      "`max_tokens` and try again",
      prompt_tokens, wanted, context);
}

// How many tokens to generate after the prompt that errors call `param`: those asked for, or all
// that the context leaves.
ApiResult<std::int64_t> tokens_to_generate(const ServedModel& model, const AnswerPlan& plan,
                                           std::int64_t prompt_tokens, const std::string& param) {
  const std::string what = param.empty() ? "the prompt has" : param + " has";
  const std::int64_t left = model.context - prompt_tokens;
  if (!plan.pooled.empty()) {
    if (left < 0) return too_long(what, prompt_tokens, model.context, param);
    return 0;
  }
  const std::int64_t wanted = plan.options.max_tokens.value_or(std::max<std::int64_t>(left, 1));
  if (wanted <= left) return wanted;
  if (plan.options.ends_at_context && left > 0) return left;
  const bool is_anthropic = Api::error_shape(plan.endpoint) == ErrorShape::kAnthropic;
  return invalid_request(
      is_anthropic
          ? anthropic_words(prompt_tokens, wanted, model.context)
          : fmt::format("{} {} tokens and {} are to be generated, together {}, but the "
                        "context holds {}",
                        what, prompt_tokens, wanted, prompt_tokens + wanted, model.context),
      param, "context_length_exceeded");
}

// What errors call one of the prompts; empty where there is one only.
std::string param_of(const AnswerPlan& plan, std::size_t index) {
  if (plan.prompts_field.empty() || plan.prompts.size() == 1) return "";
  return fmt::format("{}[{}]", plan.prompts_field, index);
}

// The same of each prompt.
ApiResult<std::vector<std::int64_t>> answer_lengths(const ServedModel& model,
                                                    const AnswerPlan& plan) {
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < plan.prompts.size(); ++i) {
    if (plan.prompts[i].empty()) return invalid_request("the prompt has no tokens");
    const auto length =
        tokens_to_generate(model, plan, std::ssize(plan.prompts[i]), param_of(plan, i));
    if (!length) return length.error();
    lengths.push_back(*length);
  }
  return lengths;
}

// Those that are written together: of an answer that is no stream all, of others the prompts'.
std::int64_t logprobs_in_one_piece(const AnswerPlan& plan,
                                   const std::vector<std::int64_t>& lengths) {
  std::int64_t tokens = 0;
  if (!plan.options.streams || plan.repeats_logprobs) {
    tokens += std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  }
  if (plan.scores_prompts) {
    for (const auto& prompt : plan.prompts) tokens += std::ssize(prompt);
  }
  return tokens * plan.options.choices * (plan.options.top_logprobs + 1);
}

// Says where a request asks for more than there can ever be room for.
std::optional<ApiError> refuse_size(const AnswerPlan& plan,
                                    const std::vector<std::int64_t>& lengths,
                                    std::size_t most_texts) {
  const std::size_t texts = lengths.size() * static_cast<std::size_t>(plan.options.choices);
  if (texts > most_texts) {
    return invalid_request(
        fmt::format("the request asks for {} texts, expected at most {}", texts, most_texts));
  }
  const std::int64_t logprobs = logprobs_in_one_piece(plan, lengths);
  if (logprobs <= kMostLogprobs) return std::nullopt;
  return invalid_request(
      fmt::format("{} log probabilities may come in one piece, expected at most {}; max_tokens "
                  "makes them fewer",
                  logprobs, kMostLogprobs));
}

// Clients that score a prompt with its end count tokens from the end of the answer, and expect one
// behind the prompt: so the token that ends the text is told of.
void score_prompt(const std::shared_ptr<Generation>& generation, GenerateRequest& request) {
  request.tells_stop_token = true;
  request.on_prompt_logprobs = [generation](const TokenLogprobs& of) {
    generation->add_prompt_logprobs(of);
  };
}

}  // namespace

void add_pooled_states(AnswerPlan& plan, Pooling pooling) {
  for (std::size_t i = 0; i < plan.prompts.size(); ++i) {
    plan.pooled.push_back(std::make_shared<PooledStates>(pooling));
  }
}

PooledTexts pooled_texts(const AnswerPlan& plan, std::int64_t dimensions) {
  return {{plan.pooled.begin(), plan.pooled.end()}, dimensions};
}

void add_chat(AnswerPlan& plan, EncodedChat chat) {
  plan.prompts.push_back(std::move(chat.prompt));
  plan.media = std::move(chat.media);
  plan.warnings = std::move(chat.warnings);
}

AnswerHead make_head(std::string_view prefix, const ApiContext& context,
                     const GenerationOptions& options) {
  return {.id = random_id(prefix),
          .model = context.shown_model(),
          .created = std::time(nullptr),
          .streams_usage = options.streams_usage,
          .has_logprobs = options.top_logprobs >= 0,
          .keeps_logprobs = !options.streams,
          .fingerprint = context.model().fingerprint,
          .times_tokens = options.streams && options.streams_timings};
}

Handled start_answer(ApiContext& context, const ApiRequest& request, const Fields& fields,
                     AnswerPlan plan) {
  // Once the first model has been there, requests wait for theirs.
  if (auto problem = context.models.loading_problem()) return std::move(*problem);
  const ServedModel& model = context.model();
  if (plan.pooled.empty() && !model.text_problem.empty()) {
    return invalid_request(model.text_problem);
  }
  const auto lengths = answer_lengths(model, plan);
  if (!lengths) return lengths.error();
  const std::uint64_t client = request.client ? request.client->id() : 0;
  if (auto error = refuse_size(plan, *lengths, context.chosen.engine->most_texts(client)))
    return *error;
  std::vector<Job> jobs;
  std::vector<std::shared_ptr<Generation>> generations;
  std::vector<std::int64_t> prompt_tokens;
  for (std::size_t i = 0; i < plan.prompts.size(); ++i) {
    prompt_tokens.push_back(std::ssize(plan.prompts[i]));
    for (std::int64_t k = 0; k < plan.options.choices; ++k) {
      generations.push_back(std::make_shared<Generation>(
          *model.tokenizer,
          Generation::Options{
              .text = {plan.options.stops, plan.options.min_tokens, plan.shown_tokens},
              .is_streamed = plan.options.streams,
              .lines = plan.options.lines,
              .tells_progress = plan.options.streams_progress,
              .watch = plan.options.watch ? plan.options.watch() : TextWatch(),
              .tells_tokens = plan.options.tells_tokens},
          context.chosen.metrics, request.notify));
      jobs.push_back({make_generate_request(model, plan.options, plan.prompts[i], (*lengths)[i], k),
                      generations.back(), client});
      GenerateRequest& wanted = jobs.back().request;
      wanted.media = plan.media;
      wanted.adapter_strengths = context.adapter_strengths;
      if (plan.scores_prompts) score_prompt(generations.back(), wanted);
      if (!plan.pooled.empty()) fill_pooled(plan.pooled[i], model.width, wanted);
    }
  }
  EngineThread& engine = *context.chosen.engine;
  if (!engine.submit(std::move(jobs), plan.stay.value_or(engine.usual_stay()))) {
    return overloaded("too many requests are waiting; try again later", kRetryAfter_s);
  }
  for (std::size_t i = 0; i < generations.size(); ++i) {
    const std::size_t prompt = i / static_cast<std::size_t>(plan.options.choices);
    context.sequences.add({plan.id, model.id, i, plan.endpoint, prompt_tokens[prompt],
                           (*lengths)[prompt], generations[i]});
  }
  if (auto warning = warning_of_unread(fields)) plan.warnings.push_back(std::move(*warning));
  for (std::string& warning : plan.warnings) plan.format->warn(std::move(warning));
  ApiReply reply;
  if (plan.options.streams) reply.content_type = plan.format->content_type();
  reply.pending = std::make_unique<PendingAnswer>(std::move(generations), std::move(plan.format),
                                                  prompt_tokens, plan.options.streams);
  return reply;
}

}  // namespace linnet::serve
