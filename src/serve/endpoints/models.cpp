#include "serve/endpoints/endpoints.hpp"
#include "serve/iso_time.hpp"

namespace linnet::serve {
namespace {

// How tokens are drawn where a request leaves it to the model's makers.
Json recommended(const ServedModel& model) {
  Json fields = Json::object();
  for (const SamplingParameter& parameter : model.recommended) {
    std::visit([&](auto member) { fields[parameter.field] = model.sampling.*member; },
               parameter.member);
  }
  return fields;
}

std::string_view name_of(EngineThread::State state) {
  switch (state) {
    case EngineThread::State::kAway:
      return "unloaded";
    case EngineThread::State::kLoading:
      return "loading";
    case EngineThread::State::kReady:
      return "loaded";
    case EngineThread::State::kFailed:
      break;
  }
  return "failed";
}

// What goes in and comes out, as llama.cpp's server says it.
Json modalities(const ServedModel& model) {
  Json in = {"text"};
  if (model.chat && model.sees()) in.push_back("image");
  if (model.chat && model.hears()) in.push_back("audio");
  return {{"input_modalities", std::move(in)}, {"output_modalities", {"text"}}};
}

Json meta(const ServedModel& model) {
  const FileFacts& facts = model.file_facts;
  return {{"n_vocab", model.tokenizer->vocabulary_size()},
          {"n_ctx", model.context},
          {"n_ctx_train", facts.trained_context},
          {"n_embd", model.width},
          {"n_params", facts.parameters},
          {"size", facts.bytes}};
}

// The fields of OpenAI's API and those of Anthropic's, which have different names.
Json describe(const ModelEntry& entry) {
  const ServedModel& model = entry.model;
  Json capabilities = {"completion"};
  if (model.chat) capabilities.push_back("chat");
  if (model.chat && model.media) capabilities.push_back("multimodal");  // llama.cpp's word
  if (model.thinks) capabilities.push_back("thinking");
  return {{"id", model.id},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "linnet"},
          {"state", name_of(entry.engine->state())},
          {"aliases", model.aliases},
          {"context_length", model.context},
          {"capabilities", std::move(capabilities)},
          {"enable_thinking", model.thinks ? Json(*model.thinks) : Json(nullptr)},
          {"recommended", recommended(model)},
          {"type", "model"},
          {"architecture", modalities(model)},
          {"meta", meta(model)},
          {"display_name", model.id},
          {"created_at", iso_time(model.created)}};
}

// The model with this adapter alone.
Json describe(const ModelEntry& entry, const ServedAdapter& adapter) {
  Json json = describe(entry);
  json["id"] = json["display_name"] = adapter.name;
  json["aliases"] = Json::array();
  json["parent"] = entry.model.id;  // as vLLM says it
  return json;
}

}  // namespace

// GET /v1/models
Handled models(ApiContext& context, const ApiRequest&, const Json&) {
  Json data = Json::array();
  for (const auto& entry : context.models.entries()) {
    data.push_back(describe(*entry));
    for (const ServedAdapter* const adapter : context.models.named_adapters(*entry)) {
      data.push_back(describe(*entry, *adapter));
    }
  }
  const Json first = data.front()["id"], last = data.back()["id"];
  return json_reply({{"object", "list"},
                     {"data", std::move(data)},
                     {"has_more", false},
                     {"first_id", first},
                     {"last_id", last}});
}

// GET /v1/models/NAME
Handled model(ApiContext& context, const ApiRequest& request, const Json&) {
  const std::string name = request.path.substr(std::string_view("/v1/models/").size());
  const auto found = context.models.find(name);
  if (!found) return found.error();
  const auto& [entry, adapter] = *found;
  return json_reply(adapter ? describe(*entry, *adapter) : describe(*entry));
}

}  // namespace linnet::serve
