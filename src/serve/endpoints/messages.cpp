// Anthropic's Messages API: https://docs.anthropic.com/en/api/messages

#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/message_request.hpp"

namespace linnet::serve {

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
  AnswerHead head = make_head("msg_", context, plan.options);
  plan.id = head.id;
  plan.format =
      make_message_format(std::move(head), chat_plan->parsing, std::ssize(chat_plan->chat.prompt));
  plan.shown_tokens = std::move(chat_plan->shown_tokens);
  add_chat(plan, std::move(chat_plan->chat));
  return start_answer(context, request, fields, std::move(plan));
}

// POST /v1/messages/count_tokens
Handled count_tokens(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  const ChatFields chat = read_message_fields(fields);
  if (fields.error()) return *fields.error();
  return count_input_tokens(context, chat, "");
}

}  // namespace linnet::serve
