#include <fmt/format.h>

#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/rerank_request.hpp"

namespace linnet::serve {
namespace {

// Of all prompts of a request: a long query counts with each document.
constexpr std::int64_t kMostPromptTokens = 1 << 23;
// The same in bytes, which are quickly encoded.
constexpr std::size_t kQuickBytes = 256 << 10;

bool takes_long(const RerankRequest& request) {
  std::size_t bytes = request.documents.size() * request.query.size();
  for (const std::string& document : request.documents) bytes += document.size();
  return bytes > kQuickBytes;
}

ApiResult<std::vector<std::vector<TokenId>>> encode_pairs(const ApiContext& context,
                                                          const RerankRequest& request) {
  const ServedModel& model = context.model();
  std::vector<std::vector<TokenId>> prompts;
  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < request.documents.size(); ++i) {
    const std::string param = fmt::format("{}[{}]", request.documents_field, i);
    if (context.is_given_up()) return client_gone();
    const std::string what = fmt::format("{} and the query have", param);
    const std::size_t bytes = request.query.size() + request.documents[i].size();
    if (auto error = refuse_length(model, bytes, what, param)) return *error;
    auto prompt = model.reranker->prompt().encode(request.query, request.documents[i]);
    if (!prompt)
      return invalid_request(fmt::format("{}: {}", param, prompt.error().message), param);
    const std::int64_t length = std::ssize(*prompt);
    // At once: a query that is too long is not encoded again with each document.
    if (length > model.context) {
      return too_long(what, length, model.context, param);
    }
    tokens += length;
    if (tokens > kMostPromptTokens) {
      return invalid_request(
          fmt::format("{}: the documents before it, each with the query, have {} tokens, expected "
                      "at most {} in a request",
                      param, tokens, kMostPromptTokens),
          param);
    }
    prompts.push_back(std::move(*prompt));
  }
  return prompts;
}

}  // namespace

// POST /v1/rerank
Handled rerank(ApiContext& context, const ApiRequest& request, const Json& body) {
  const ServedModel& model = context.model();
  Fields fields(body);
  if (!model.reranker) return invalid_request(model.reranker_problem);
  auto wanted = read_rerank_request(fields);
  if (!wanted) return wanted.error();
  if (!context.may_take_long && takes_long(*wanted)) {
    return invalid_request("", "", std::string(kTakesLong));
  }
  auto prompts = encode_pairs(context, *wanted);
  if (!prompts) return prompts.error();
  AnswerPlan plan{.endpoint = "/v1/rerank", .prompts = std::move(*prompts)};
  add_pooled_states(plan, model.reranker->pooling());
  AnswerHead head = make_head("rerank-", context, plan.options);
  plan.id = head.id;
  plan.format = make_rerank_format(std::move(head), *model.reranker, std::move(*wanted),
                                   {plan.pooled.begin(), plan.pooled.end()});
  return start_answer(context, request, fields, std::move(plan));
}

}  // namespace linnet::serve
