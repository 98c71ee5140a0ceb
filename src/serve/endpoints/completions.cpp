#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/prompts.hpp"

namespace linnet::serve {
namespace {

// What OpenAI's completions endpoint generates where it is not told how much.
constexpr std::int64_t kCompletionTokens = 16;
constexpr std::int64_t kMostLogprobs = 20;

// The prompts, or the one that has a hole where `suffix` says so.
ApiResult<std::vector<std::vector<TokenId>>> read_completion_prompts(Fields& fields,
                                                                     const Encoding& encoding) {
  const std::string suffix = fields.text("suffix").value_or("");
  if (fields.error()) return *fields.error();
  if (suffix.empty()) return read_prompts(fields, "prompt", encoding);
  const std::string prefix = fields.required_text("prompt");
  if (fields.error()) return *fields.error();
  auto ids = infill_prompt(encoding, {.prefix = prefix, .suffix = suffix}, "suffix");
  if (!ids) return ids.error();
  return std::vector<std::vector<TokenId>>{std::move(*ids)};
}

// The text of prompt number `index`, as it was given or as its tokens stand for it.
std::string echo_of(const Json& prompt, std::size_t index, const std::vector<TokenId>& ids,
                    const Tokenizer& tokenizer) {
  if (prompt.is_string()) return prompt.get<std::string>();
  if (prompt.is_array() && index < prompt.size() && prompt[index].is_string()) {
    return prompt[index].get<std::string>();
  }
  Detokenizer detokenizer(tokenizer);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.finish();
}

// Before each choice nothing, or the prompt.
std::vector<Echo> make_echoes(const Json& prompt, const AnswerPlan& plan, bool echoes,
                              const Tokenizer& tokenizer) {
  std::vector<Echo> all;
  for (std::size_t i = 0; i < plan.prompts.size(); ++i) {
    Echo echo;
    if (echoes) echo.text = echo_of(prompt, i, plan.prompts[i], tokenizer);
    if (plan.scores_prompts) echo.tokens = plan.prompts[i];
    all.insert(all.end(), static_cast<std::size_t>(plan.options.choices), echo);
  }
  return all;
}

// A number of tokens, or as in chats true or false.
void read_logprobs(Fields& fields, GenerationOptions& options) {
  const Json* const field = fields.find("logprobs");
  if (field && field->is_boolean()) {
    if (*field == true) options.top_logprobs = 0;
    return;
  }
  options.top_logprobs = fields.integer("logprobs", 0, kMostLogprobs).value_or(-1);
}

}  // namespace

// POST /v1/completions
Handled completions(ApiContext& context, const ApiRequest& request, const Json& body) {
  const ServedModel& model = context.model();
  Fields fields(body);
  AnswerPlan plan{.endpoint = "/v1/completions", .options = read_generation_options(fields, model)};
  read_logprobs(fields, plan.options);
  const TextConstraint constraint =
      read_text_constraint(fields, fields.object("response_format"), "response_format");
  const bool echoes = fields.boolean("echo", false);
  plan.scores_prompts = echoes && plan.options.top_logprobs >= 0;
  if (plan.scores_prompts && !model.scoring_problem.empty()) {
    fields.fail("logprobs",
                "with echo they are of the prompt's tokens, too: " + model.scoring_problem);
  }
  // Choosing the best of several answers is not there: as many as are asked for are made.
  fields.integer("best_of", 1, plan.options.choices);
  if (fields.error()) return *fields.error();
  if (plan.scores_prompts && !fields.text("suffix").value_or("").empty()) {
    fields.fail("suffix", "with echo and logprobs the text can have no hole");
  }
  if (fields.error()) return *fields.error();
  auto prompts = read_completion_prompts(fields, {model, context.is_given_up});
  if (!prompts) return prompts.error();
  plan.prompts = std::move(*prompts);
  auto session = text_session(context, constraint);
  if (!session) return session.error();
  plan.options.sampling.grammar = std::move(*session);
  if (!plan.options.max_tokens && !plan.options.takes_all_room) {
    plan.options.max_tokens = kCompletionTokens;
  }
  AnswerHead head = make_head("cmpl-", context, plan.options);
  plan.id = head.id;
  plan.format =
      make_completion_format(std::move(head), *model.tokenizer,
                             make_echoes(*fields.find("prompt"), plan, echoes, *model.tokenizer));
  return start_answer(context, request, fields, std::move(plan));
}

}  // namespace linnet::serve
