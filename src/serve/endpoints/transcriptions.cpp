#include <fmt/format.h>

#include <array>

#include "serve/endpoints/start_answer.hpp"

namespace linnet::serve {
namespace {

// What the model is asked: the sound, and what is to be done with it.
ChatFields read_task(Fields& fields) {
  ChatFields chat;
  MediaParts media;
  Json sound = media.from_base64_sound(fields, "file");
  std::string task = fields.text("prompt").value_or("");
  if (task.empty()) task = "Transcribe the speech.";
  if (const auto language = fields.text("language"); language && !language->empty()) {
    task += fmt::format(" (language: {})", *language);
  }
  chat.media = media.take();
  chat.request.messages = Json::array();
  chat.request.messages.push_back(
      {{"role", "user"},
       {"content", Json::array({std::move(sound), {{"type", "text"}, {"text", task}}})}});
  return chat;
}

}  // namespace

// POST /v1/audio/transcriptions
Handled transcriptions(ApiContext& context, const ApiRequest& request, const Json& body) {
  static constexpr std::array<std::string_view, 1> kFormats = {"json"};
  Fields fields(body);
  AnswerPlan plan{.endpoint = "/v1/audio/transcriptions",
                  .options = read_shared_options(fields, context.model())};
  if (!fields.has("temperature")) plan.options.sampling.temperature = 0.0f;
  plan.options.max_tokens = fields.integer("max_tokens", 1, kMostTokens);
  fields.one_of("response_format", kFormats, "json");
  const ChatFields chat = read_task(fields);
  if (fields.error()) return *fields.error();
  auto chat_plan = plan_chat(context, chat, {}, plan.options);
  if (!chat_plan) return chat_plan.error();
  add_chat(plan, std::move(chat_plan->chat));
  plan.id = make_head("transcription-", context, plan.options).id;
  plan.format = make_transcription_format();
  return start_answer(context, request, fields, std::move(plan));
}

}  // namespace linnet::serve
