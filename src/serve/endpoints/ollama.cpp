// Ollama's API: https://github.com/ollama/ollama/blob/main/docs/api.md

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "serve/endpoints/start_answer.hpp"
#include "serve/iso_time.hpp"
#include "serve/requests/ollama_request.hpp"
#include "serve/requests/prompts.hpp"
#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

// A request that asks for nothing is there to have the model loaded, or leave the memory.
Handled load_only(ApiContext& context, const OllamaRequest& asked, bool is_chat) {
  EngineThread& engine = *context.chosen.engine;
  const auto stay = asked.stay.value_or(engine.usual_stay());
  const bool leaves = stay.count() == 0;
  if (leaves) {
    engine.unload();
  } else {
    engine.load(stay);
  }
  Json reply = {{"model", context.model().id}, {"created_at", iso_time(std::time(nullptr))}};
  if (is_chat) {
    reply["message"] = {{"role", "assistant"}, {"content", ""}};
  } else {
    reply["response"] = "";
  }
  reply["done"] = true;
  reply["done_reason"] = leaves ? "unload" : "load";
  return json_reply(reply);
}

Handled answer_conversation(ApiContext& context, const ApiRequest& request, const Fields& fields,
                            OllamaRequest asked, bool is_chat) {
  auto chat_plan = plan_chat(context, asked.chat, asked.constraint, asked.options);
  if (!chat_plan) return chat_plan.error();
  AnswerPlan plan{.endpoint = is_chat ? "/api/chat" : "/api/generate",
                  .options = std::move(asked.options)};
  plan.stay = asked.stay;
  AnswerHead head = make_head("ollama-", context, plan.options);
  plan.id = head.id;
  plan.format =
      make_ollama_format(std::move(head), *context.model().tokenizer, chat_plan->parsing, is_chat);
  plan.shown_tokens = std::move(chat_plan->shown_tokens);
  add_chat(plan, std::move(chat_plan->chat));
  return start_answer(context, request, fields, std::move(plan));
}

// A text that goes on behind `prompt`, up to `suffix` where there is one.
Handled continue_text(ApiContext& context, const ApiRequest& request, Fields& fields,
                      OllamaRequest asked) {
  const ServedModel& model = context.model();
  static constexpr std::array kOfChats = {
      UnsupportedField{"images", "pictures stand in conversations"},
      UnsupportedField{"system", "a text without a template has no place for it"},
  };
  refuse_unsupported(fields, kOfChats);
  const std::string prompt = fields.text("prompt").value_or("");
  const std::string suffix = fields.text("suffix").value_or("");
  if (fields.error()) return *fields.error();
  const Encoding encoding{model, context.is_given_up};
  auto ids = suffix.empty()
                 ? read_raw_prompt(fields, "prompt", encoding)
                 : infill_prompt(encoding, {.prefix = prompt, .suffix = suffix}, "suffix");
  if (!ids) return ids.error();
  auto session = text_session(context, asked.constraint);
  if (!session) return session.error();
  asked.options.sampling.grammar = std::move(*session);
  AnswerPlan plan{.endpoint = "/api/generate", .options = std::move(asked.options)};
  plan.prompts.push_back(std::move(*ids));
  plan.warnings = std::move(asked.chat.warnings);
  plan.stay = asked.stay;
  AnswerHead head = make_head("ollama-", context, plan.options);
  plan.id = head.id;
  plan.format =
      make_ollama_format(std::move(head), *model.tokenizer, std::nullopt, /*is_chat=*/false);
  return start_answer(context, request, fields, std::move(plan));
}

Handled embed(ApiContext& context, const ApiRequest& request, Fields& fields,
              std::string_view input) {
  const ServedModel& model = context.model();
  const std::int64_t dimensions = read_dimensions(fields, model);
  const auto stay = read_keep_alive(fields);
  if (fields.error()) return *fields.error();
  if (!model.pooling) return invalid_request(model.pooling_problem);
  auto prompts = read_prompts(fields, input, {model, context.is_given_up}, kMostEmbeddings);
  if (!prompts) return prompts.error();
  const bool is_list = input == "input";
  AnswerPlan plan{.endpoint = is_list ? "/api/embed" : "/api/embeddings",
                  .prompts = std::move(*prompts),
                  .prompts_field = input};
  if (!is_list && plan.prompts.size() > 1) {
    return invalid_request("prompt: expected a string; /api/embed takes several", "prompt");
  }
  plan.stay = stay;
  add_pooled_states(plan, *model.pooling);
  AnswerHead head = make_head("ollama-", context, plan.options);
  plan.id = head.id;
  plan.format =
      make_ollama_embedding_format(std::move(head), pooled_texts(plan, dimensions), is_list);
  return start_answer(context, request, fields, std::move(plan));
}

}  // namespace

// POST /api/chat
Handled ollama_chat(ApiContext& context, const ApiRequest& request, const Json& body) {
  Fields fields(body);
  OllamaRequest asked = read_ollama_chat(fields, context.model());
  if (fields.error()) return *fields.error();
  const ChatRequest& chat = asked.chat.request;
  if (chat.messages.empty() && chat.begun_answer.empty()) {
    return load_only(context, asked, /*is_chat=*/true);
  }
  return answer_conversation(context, request, fields, std::move(asked), /*is_chat=*/true);
}

// POST /api/generate
Handled ollama_generate(ApiContext& context, const ApiRequest& request, const Json& body) {
  Fields fields(body);
  const bool is_text = is_ollama_text(fields, context.model());
  OllamaRequest asked = read_ollama_prompt(fields, context.model());
  if (fields.error()) return *fields.error();
  const bool asks_nothing =
      asked.chat.request.messages.empty() && fields.text("suffix").value_or("").empty();
  if (asks_nothing) return load_only(context, asked, /*is_chat=*/false);
  if (is_text) return continue_text(context, request, fields, std::move(asked));
  return answer_conversation(context, request, fields, std::move(asked), /*is_chat=*/false);
}

// POST /api/embed
Handled ollama_embed(ApiContext& context, const ApiRequest& request, const Json& body) {
  Fields fields(body);
  // Nothing is ever cut: what does not fit is an error, whatever this says.
  fields.boolean("truncate", true);
  return embed(context, request, fields, "input");
}

// POST /api/embeddings, which is older
Handled ollama_embeddings(ApiContext& context, const ApiRequest& request, const Json& body) {
  Fields fields(body);
  return embed(context, request, fields, "prompt");
}

}  // namespace linnet::serve
