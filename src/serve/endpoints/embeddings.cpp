#include <array>

#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/prompts.hpp"

namespace linnet::serve {

// POST /v1/embeddings
Handled embeddings(ApiContext& context, const ApiRequest& request, const Json& body) {
  const ServedModel& model = context.model();
  Fields fields(body);
  if (!model.pooling) return invalid_request(model.pooling_problem);
  static constexpr std::array<std::string_view, 2> kEncodings = {"float", "base64"};
  const bool is_base64 = fields.one_of("encoding_format", kEncodings, "float") == "base64";
  const std::int64_t dimensions = read_dimensions(fields, model);
  if (fields.error()) return *fields.error();
  auto prompts = read_prompts(fields, "input", {model, context.is_given_up}, kMostEmbeddings);
  if (!prompts) return prompts.error();
  AnswerPlan plan{.endpoint = "/v1/embeddings", .prompts = std::move(*prompts)};
  plan.prompts_field = "input";
  add_pooled_states(plan, *model.pooling);
  AnswerHead head = make_head("embd-", context, plan.options);
  plan.id = head.id;
  plan.format = make_embedding_format(std::move(head), pooled_texts(plan, dimensions), is_base64);
  return start_answer(context, request, fields, std::move(plan));
}

}  // namespace linnet::serve
