#include "serve/endpoints/start_answer.hpp"

namespace linnet::serve {
namespace {

constexpr std::int64_t kMostTopLogprobs = 20;

void read_logprobs(Fields& fields, GenerationOptions& options) {
  const bool wanted = fields.boolean("logprobs", false);
  const auto top = fields.integer("top_logprobs", 0, kMostTopLogprobs);
  if (wanted) options.top_logprobs = top.value_or(0);
  // As llama.cpp's server has it.
  const std::int64_t probabilities = fields.integer("n_probs", 0, kMostTopLogprobs).value_or(0);
  if (!wanted && probabilities > 0) options.top_logprobs = probabilities;
  if (!wanted && top && *top > 0) {
    fields.fail("top_logprobs", "logprobs must be true where top_logprobs is given");
  }
}

}  // namespace

// POST /v1/chat/completions
Handled chat_completions(ApiContext& context, const ApiRequest& request, const Json& body) {
  Fields fields(body);
  AnswerPlan plan{.endpoint = "/v1/chat/completions",
                  .options = read_generation_options(fields, context.model())};
  read_logprobs(fields, plan.options);
  const TextConstraint constraint =
      read_text_constraint(fields, fields.object("response_format"), "response_format");
  const ChatFields chat = read_chat_fields(fields, context.model());
  if (fields.error()) return *fields.error();
  auto chat_plan = plan_chat(context, chat, constraint, plan.options);
  if (!chat_plan) return chat_plan.error();
  add_chat(plan, std::move(chat_plan->chat));
  plan.shown_tokens = std::move(chat_plan->shown_tokens);
  AnswerHead head = make_head("chatcmpl-", context, plan.options);
  plan.id = head.id;
  plan.format =
      make_chat_format(std::move(head), *context.model().tokenizer,
                       static_cast<std::size_t>(plan.options.choices), chat_plan->parsing);
  return start_answer(context, request, fields, std::move(plan));
}

// POST /v1/chat/completions/input_tokens, which llama.cpp's server has
Handled chat_input_tokens(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  const ChatFields chat = read_chat_fields(fields, context.model());
  if (fields.error()) return *fields.error();
  return count_input_tokens(context, chat, "response.input_tokens");
}

}  // namespace linnet::serve
