// Anthropic's Messages API: https://docs.anthropic.com/en/api/messages

#include <fmt/format.h>

#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/message_request.hpp"

namespace linnet::serve {
namespace {

// In the words of Anthropic's server, which clients read to ask for less or to sum up what was
// said.
std::optional<ApiError> refuse_length(std::int64_t prompt_tokens, std::int64_t context,
                                      std::optional<std::int64_t> most_tokens) {
  constexpr std::string_view kCode = "context_length_exceeded";
  if (prompt_tokens > context) {
    return invalid_request(
        fmt::format("prompt is too long: {} tokens > {} maximum", prompt_tokens, context), "",
        std::string(kCode));
  }
  if (!most_tokens || prompt_tokens + *most_tokens <= context) return std::nullopt;
  return invalid_request(
      fmt::format(
          "input length and `max_tokens` exceed context limit: {} + {} > {}, decrease input "
          "length or `max_tokens` and try again",
          prompt_tokens, *most_tokens, context),
      "", std::string(kCode));
}

}  // namespace

// POST /v1/messages
Handled messages(ApiContext& context, const ApiRequest& request, const Json& body) {
  Fields fields(body);
  AnswerPlan plan{.endpoint = "/v1/messages",
                  .options = read_message_options(fields, context.model())};
  const TextConstraint constraint = read_message_constraint(fields);
  const ChatFields chat = read_message_fields(fields);
  if (fields.error()) return *fields.error();
  auto chat_plan = plan_chat(context, chat, constraint, plan.options);
  if (!chat_plan) return chat_plan.error();
  const std::int64_t prompt_tokens = std::ssize(chat_plan->chat.prompt);
  if (auto error = refuse_length(prompt_tokens, context.model().context, plan.options.max_tokens)) {
    return *error;
  }
  AnswerHead head = make_head("msg_", context.model(), plan.options);
  plan.id = head.id;
  plan.format = make_message_format(std::move(head), chat_plan->parsing, prompt_tokens);
  plan.shown_tokens = std::move(chat_plan->shown_tokens);
  add_chat(plan, std::move(chat_plan->chat));
  return start_answer(context, request, std::move(plan));
}

// POST /v1/messages/count_tokens
Handled count_tokens(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  const ChatFields chat = read_message_fields(fields);
  if (fields.error()) return *fields.error();
  const auto prompt = render_chat(context.model(), chat.request);
  if (!prompt) return prompt.error();
  const auto encoded = encode_chat(context, chat, *prompt);
  if (!encoded) return encoded.error();
  return json_reply({{"input_tokens", encoded->prompt.size()}});
}

}  // namespace linnet::serve
