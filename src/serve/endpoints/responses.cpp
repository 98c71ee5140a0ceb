#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/response_request.hpp"

namespace linnet::serve {

// POST /v1/responses
Handled responses(ApiContext& context, const ApiRequest& request, const Json& body) {
  Fields fields(body);
  ResponseFields response = read_response_fields(fields, context.model());
  if (fields.error()) return *fields.error();
  auto chat_plan = plan_chat(context, response.chat, response.constraint, response.options);
  if (!chat_plan) return chat_plan.error();
  AnswerPlan plan{.endpoint = "/v1/responses", .options = std::move(response.options)};
  AnswerHead head = make_head("resp_", context, plan.options);
  plan.id = head.id;
  plan.format = make_response_format(std::move(head), *context.model().tokenizer,
                                     chat_plan->parsing, std::move(response.settings));
  plan.repeats_logprobs = true;
  plan.shown_tokens = std::move(chat_plan->shown_tokens);
  add_chat(plan, std::move(chat_plan->chat));
  return start_answer(context, request, fields, std::move(plan));
}

// POST /v1/responses/input_tokens
Handled response_input_tokens(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  const ResponseFields response = read_response_fields(fields, context.model());
  if (fields.error()) return *fields.error();
  return count_input_tokens(context, response.chat, "response.input_tokens");
}

}  // namespace linnet::serve
