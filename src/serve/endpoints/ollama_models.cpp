// What Ollama's API tells of models: https://github.com/ollama/ollama/blob/main/docs/api.md

#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "serve/endpoints/endpoints.hpp"
#include "serve/iso_time.hpp"

namespace linnet::serve {
namespace {

// The one whose API this is; some clients ask whether it is new enough for what they need.
constexpr std::string_view kVersion = "0.9.0";

// 1100048384 as 1.1B
std::string short_count(std::int64_t count) {
  const auto value = static_cast<double>(count);
  if (value >= 1e9) return fmt::format("{:.1f}B", value / 1e9);
  return value >= 1e6 ? fmt::format("{:.1f}M", value / 1e6) : fmt::format("{:.0f}K", value / 1e3);
}

Json details(const ServedModel& model) {
  const FileFacts& facts = model.file_facts;
  return {{"parent_model", ""},
          {"format", "gguf"},
          {"family", facts.architecture},
          {"families", Json::array({facts.architecture})},
          {"parameter_size", short_count(facts.parameters)},
          {"quantization_level", facts.format}};
}

Json describe(const ServedModel& model) {
  return {{"name", model.id},
          {"model", model.id},
          {"modified_at", iso_time(model.created)},
          {"size", model.file_facts.bytes},
          {"digest", model.fingerprint},
          {"details", details(model)}};
}

Json capabilities(const ServedModel& model) {
  Json names = Json::array();
  if (model.text_problem.empty()) names.push_back("completion");
  if (model.call_form) names.push_back("tools");
  if (model.infill) names.push_back("insert");
  if (model.chat && model.sees()) names.push_back("vision");
  if (model.thinks) names.push_back("thinking");
  if (!model.text_problem.empty() && model.pooling) names.push_back("embedding");
  return names;
}

std::string expiry(std::chrono::milliseconds left) {
  if (left == kForever) return "9999-12-31T23:59:59Z";  // until another one needs the room
  return iso_time(std::time(nullptr) + std::chrono::ceil<std::chrono::seconds>(left).count());
}

// As a Modelfile has them, a line each.
std::string parameters(const ServedModel& model) {
  std::string lines;
  for (const SamplingParameter& parameter : model.recommended) {
    std::visit(
        [&](auto member) {
          lines += fmt::format("{:<30} {}\n", parameter.field, model.sampling.*member);
        },
        parameter.member);
  }
  return lines;
}

}  // namespace

// GET /api/tags
Handled ollama_tags(ApiContext& context, const ApiRequest&, const Json&) {
  Json models = Json::array();
  for (const auto& entry : context.models.entries()) models.push_back(describe(entry->model));
  return json_reply({{"models", std::move(models)}});
}

// GET /api/ps: those that are in memory
Handled ollama_ps(ApiContext& context, const ApiRequest&, const Json&) {
  Json models = Json::array();
  for (const auto& entry : context.models.entries()) {
    if (entry->engine->state() != EngineThread::State::kReady) continue;
    Json model = describe(entry->model);
    model.erase("modified_at");
    model["expires_at"] = expiry(entry->engine->time_left());
    model["size_vram"] = 0;
    model["context_length"] = entry->model.context;
    models.push_back(std::move(model));
  }
  return json_reply({{"models", std::move(models)}});
}

// POST /api/show
Handled ollama_show(ApiContext& context, const ApiRequest&, const Json&) {
  const ServedModel& model = context.model();
  const FileFacts& facts = model.file_facts;
  return json_reply({{"parameters", parameters(model)},
                     {"template", model.template_source},
                     {"details", details(model)},
                     {"model_info",
                      {{"general.architecture", facts.architecture},
                       {"general.parameter_count", facts.parameters},
                       {facts.architecture + ".block_count", facts.layers},
                       {facts.architecture + ".context_length", model.context},
                       {facts.architecture + ".embedding_length", model.width}}},
                     {"capabilities", capabilities(model)},
                     {"modified_at", iso_time(model.created)}});
}

// GET /api/version
Handled ollama_version(ApiContext&, const ApiRequest&, const Json&) {
  return json_reply({{"version", kVersion}});
}

}  // namespace linnet::serve
