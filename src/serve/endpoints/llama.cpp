// What programs for llama.cpp's server ask for beside OpenAI's API:
// https://github.com/ggml-org/llama.cpp/tree/master/tools/server

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/percent_decoded.hpp"
#include "serve/requests/prompts.hpp"
#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

constexpr std::int64_t kMostProbabilities = 100;
constexpr std::size_t kMostFiles = 1024, kMostFields = 64;

GenerationOptions read_llama_options(Fields& fields, const ServedModel& model) {
  static constexpr std::array kUnsupported = {
      UnsupportedField{"image_data", "/v1/chat/completions takes pictures"},
  };
  refuse_unsupported(fields, kUnsupported);
  GenerationOptions options = read_shared_options(fields, model);
  options.stops = read_stops(fields, "stop");
  read_length(fields, options);
  options.ends_at_context = true;  // as llama.cpp's server has it, and says in `truncated`
  for (const char* const name : {"n_probs", "logprobs"}) {
    const std::int64_t top = fields.integer(name, 0, kMostProbabilities).value_or(0);
    if (top > 0 && options.top_logprobs < 0) options.top_logprobs = top;
  }
  // A stream has them anyway, as llama.cpp's does.
  options.tells_tokens = fields.boolean("return_tokens", false) || options.streams;
  for (const char* const name : {"n", "n_cmpl"}) fields.integer(name, 1, 1);
  return options;
}

InfillText read_infill_text(Fields& fields) {
  InfillText text;
  text.prefix = fields.required_text("input_prefix");
  text.suffix = fields.required_text("input_suffix");
  text.begun = fields.text("prompt").value_or("");
  fields.each_object("input_extra", kMostFiles, [&](Fields& file) {
    text.files.push_back({file.text("filename").value_or("tmp"), file.required_text("text")});
  });
  return text;
}

// How tokens are drawn, and how many.
Json settings_json(const GenerationOptions& options) {
  Json json = {{"n_predict", options.max_tokens.value_or(-1)},
               {"max_tokens", options.max_tokens.value_or(-1)},
               {"min_tokens", options.min_tokens},
               {"n_probs", std::max<std::int64_t>(0, options.top_logprobs)},
               {"stop", options.stops},
               {"ignore_eos", options.ignores_end_tokens},
               {"stream", options.streams},
               {"seed", options.sampling.seed}};
  for (const SamplingParameter& parameter : kSamplingParameters) {
    std::visit([&](auto member) { json[parameter.field] = options.sampling.*member; },
               parameter.member);
  }
  return json;
}

// How tokens are drawn where a request says nothing.
Json usual_settings(const ServedModel& model) {
  GenerationOptions usual;
  usual.sampling = model.sampling;
  Json json = settings_json(usual);
  json["seed"] = -1;  // another one each time
  return json;
}

// The texts of the prompts, where an answer has all fields or the prompt among them.
std::vector<std::string> texts_of(const Tokenizer& tokenizer,
                                  const std::vector<std::vector<TokenId>>& prompts,
                                  const std::vector<std::string>& shown) {
  std::vector<std::string> texts(prompts.size());
  if (!shown.empty() && std::ranges::find(shown, "prompt") == shown.end()) return texts;
  std::ranges::transform(prompts, texts.begin(), [&](const std::vector<TokenId>& ids) {
    return text_of_tokens(tokenizer, ids);
  });
  return texts;
}

std::string text_of(const ServedModel& model, std::optional<TokenId> token) {
  return token ? model.tokenizer->token_bytes(*token, /*show_special=*/true) : "";
}

Json slot_json(std::size_t id, const ServedModel& model, const SequenceList::Entry& text,
               const Outcome& outcome) {
  const bool goes_on = !outcome.reason;
  return {{"id", id},
          {"n_ctx", model.context},
          {"is_processing", true},
          {"n_prompt_tokens", text.prompt_tokens},
          {"n_prompt_tokens_cache", outcome.cached_tokens},
          {"next_token",
           {{"has_next_token", goes_on},
            {"n_remain", text.max_tokens - outcome.tokens},
            {"n_decoded", outcome.tokens}}}};
}

// Has the texts behind `prompts` written.
Handled complete(ApiContext& context, const ApiRequest& request, Fields& fields, AnswerPlan plan,
                 std::vector<std::vector<TokenId>> prompts) {
  const TextConstraint constraint =
      read_text_constraint(fields, fields.object("response_format"), "response_format");
  auto shown = fields.texts("response_fields", kMostFields).value_or(std::vector<std::string>());
  if (fields.error()) return *fields.error();
  auto session = text_session(context, constraint);
  if (!session) return session.error();
  const Tokenizer& tokenizer = *context.model().tokenizer;
  LlamaRequest asked{.prompts = texts_of(tokenizer, prompts, shown),
                     .settings = settings_json(plan.options),
                     .context = context.model().context,
                     .fields = std::move(shown)};
  SamplingParams& sampling = plan.options.sampling;
  sampling.grammar = std::move(*session);
  // A text that is complete under a grammar can only end.
  if (plan.options.ignores_end_tokens && !sampling.grammar) {
    const std::vector<TokenId>& ends = context.model().end_tokens;
    sampling.banned_tokens.insert(sampling.banned_tokens.end(), ends.begin(), ends.end());
  }
  plan.prompts = std::move(prompts);
  plan.prompts_field = "prompt";
  AnswerHead head = make_head("cmpl-", context, plan.options);
  plan.id = head.id;
  plan.format = make_llama_format(std::move(head), tokenizer, std::move(asked));
  return start_answer(context, request, fields, std::move(plan));
}

}  // namespace

// POST /completion
Handled llama_completion(ApiContext& context, const ApiRequest& request, const Json& body) {
  const ServedModel& model = context.model();
  Fields fields(body);
  AnswerPlan plan{.endpoint = "/completion", .options = read_llama_options(fields, model)};
  if (fields.error()) return *fields.error();
  auto prompts = read_raw_prompts(fields, "prompt", {model, context.is_given_up});
  if (!prompts) return prompts.error();
  return complete(context, request, fields, std::move(plan), std::move(*prompts));
}

// POST /embedding, where the texts may be called content
Handled llama_embedding(ApiContext& context, const ApiRequest& request, const Json& body) {
  const ServedModel& model = context.model();
  Fields fields(body);
  if (!model.pooling) return invalid_request(model.pooling_problem);
  const std::string_view input = fields.has("input") ? "input" : "content";
  const std::int64_t dimensions = read_dimensions(fields, model);
  if (fields.error()) return *fields.error();
  auto prompts = read_prompts(fields, input, {model, context.is_given_up}, kMostEmbeddings);
  if (!prompts) return prompts.error();
  AnswerPlan plan{.endpoint = "/embedding", .prompts = std::move(*prompts)};
  plan.prompts_field = input;
  add_pooled_states(plan, *model.pooling);
  plan.id = make_head("embd-", context, plan.options).id;
  plan.format = make_llama_embedding_format(pooled_texts(plan, dimensions));
  return start_answer(context, request, fields, std::move(plan));
}

// POST /infill
Handled llama_infill(ApiContext& context, const ApiRequest& request, const Json& body) {
  const ServedModel& model = context.model();
  Fields fields(body);
  AnswerPlan plan{.endpoint = "/infill", .options = read_llama_options(fields, model)};
  const InfillText text = read_infill_text(fields);
  if (fields.error()) return *fields.error();
  auto prompt = infill_prompt({model, context.is_given_up}, text, "input_suffix");
  if (!prompt) return prompt.error();
  return complete(context, request, fields, std::move(plan), {std::move(*prompt)});
}

// GET /props
Handled llama_props(ApiContext& context, const ApiRequest&, const Json&) {
  const ServedModel& model = context.model();
  const bool sees = model.chat && model.sees(), hears = model.chat && model.hears();
  return json_reply(
      {{"default_generation_settings",
        {{"n_ctx", model.context}, {"params", usual_settings(model)}}},
       {"total_slots", context.chosen.engine->places()},
       {"model_alias", model.id},
       {"model_path", model.file_facts.name},
       {"chat_template", model.template_source},
       {"bos_token", text_of(model, model.tokenizer->bos())},
       {"eos_token", text_of(model, model.tokenizer->eos())},
       {"modalities", {{"vision", sees}, {"audio", hears}}},
       {"build_info", "linnet"},
       {"is_sleeping", context.chosen.engine->state() == EngineThread::State::kAway}});
}

// GET /lora-adapters: those of the model, by the ids that the field `lora` of a request takes, and
// how much of them a request gets without that field
Handled llama_adapters(ApiContext& context, const ApiRequest&, const Json&) {
  Json adapters = Json::array();
  const std::vector<float> usual = context.chosen.adapters.strengths();
  for (const ServedAdapter& adapter : context.model().adapters) {
    adapters.push_back({{"id", adapters.size()},
                        {"path", adapter.file},
                        {"name", adapter.name},
                        {"scale", usual[adapters.size()]},
                        {"task_name", adapter.task_name},
                        {"prompt_prefix", adapter.prompt_prefix}});
  }
  return json_reply(adapters);
}

// POST /lora-adapters: how much of them a request gets from now on
Handled llama_set_adapters(ApiContext& context, const ApiRequest&, const Json&) {
  context.chosen.adapters.set(context.adapter_strengths);
  return json_reply({{"success", true}});
}

// GET /slots: the places for texts, those that are taken first
Handled llama_slots(ApiContext& context, const ApiRequest& request, const Json&) {
  const ServedModel& model = context.model();
  const std::size_t places = context.chosen.engine->places();
  Json slots = Json::array();
  for (const auto& text : context.sequences.running(model.id)) {
    const auto generation = text.generation.lock();
    if (!generation || slots.size() == places) continue;
    slots.push_back(slot_json(slots.size(), model, text, generation->peek()));
  }
  if (slots.size() == places && query_field(request.query, "fail_on_no_slot") == "1") {
    return unavailable(503, "all places for texts are taken", "no_slot");
  }
  while (slots.size() < places) {
    slots.push_back({{"id", slots.size()}, {"n_ctx", model.context}, {"is_processing", false}});
  }
  return json_reply(slots);
}

}  // namespace linnet::serve
