// What programs for llama.cpp's server ask for beside OpenAI's API:
// https://github.com/ggml-org/llama.cpp/tree/master/tools/server

#include <array>

#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/prompts.hpp"
#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

GenerationOptions read_llama_options(Fields& fields, const ServedModel& model) {
  static constexpr std::array kUnsupported = {
      UnsupportedField{"image_data", "/v1/chat/completions takes pictures"},
      UnsupportedField{"n_indent", "grammar holds an answer to a form"},
      UnsupportedField{"return_tokens", "/tokenize makes tokens of a text"},
  };
  refuse_unsupported(fields, kUnsupported);
  GenerationOptions options = read_shared_options(fields, model);
  draw_seed_of_minus_one(fields, options.sampling);
  options.stops = read_stops(fields, "stop");
  // Below 0: what the context leaves.
  const auto most = fields.integer("n_predict", -2, kMostTokens);
  if (most && *most == 0) fields.fail("n_predict", "expected 1 or more, or -1 for all that fit");
  if (most && *most > 0) options.max_tokens = most;
  fields.integer("n", 1, 1);
  return options;
}

}  // namespace

// POST /completion
Handled llama_completion(ApiContext& context, const ApiRequest& request, const Json& body) {
  const ServedModel& model = context.model();
  Fields fields(body);
  AnswerPlan plan{.endpoint = "/completion", .options = read_llama_options(fields, model)};
  const TextConstraint constraint = read_text_constraint(fields);
  if (fields.error()) return *fields.error();
  auto prompt = read_raw_prompt(fields, "prompt", {model, context.is_given_up});
  if (!prompt) return prompt.error();
  plan.prompts.push_back(std::move(*prompt));
  auto session = text_session(context, constraint);
  if (!session) return session.error();
  plan.options.sampling.grammar = std::move(*session);
  AnswerHead head = make_head("cmpl-", model, plan.options);
  plan.id = head.id;
  plan.format = make_llama_format(std::move(head));
  return start_answer(context, request, std::move(plan));
}

// GET /props, of the first model
Handled llama_props(ApiContext& context, const ApiRequest&, const Json&) {
  const ServedModel& model = context.model();
  return json_reply({{"default_generation_settings", {{"n_ctx", model.context}}},
                     {"model_alias", model.id},
                     {"modalities", {{"vision", model.chat && model.pictures}, {"audio", false}}}});
}

}  // namespace linnet::serve
