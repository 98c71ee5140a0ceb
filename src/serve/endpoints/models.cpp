#include <fmt/format.h>

#include "serve/endpoints/endpoints.hpp"

namespace linnet::serve {
namespace {

std::string iso_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text, length};
}

// How tokens are drawn where a request leaves it to the model's makers.
Json recommended(const ServedModel& model) {
  Json fields = Json::object();
  for (const SamplingParameter& parameter : model.recommended) {
    std::visit([&](auto member) { fields[parameter.field] = model.sampling.*member; },
               parameter.member);
  }
  return fields;
}

// The fields of OpenAI's API and those of Anthropic's, which have different names.
Json describe(const ServedModel& model) {
  Json capabilities = {"completion"};
  if (model.chat) capabilities.push_back("chat");
  return {{"id", model.id},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "linnet"},
          {"context_length", model.context},
          {"capabilities", std::move(capabilities)},
          {"recommended", recommended(model)},
          {"type", "model"},
          {"display_name", model.id},
          {"created_at", iso_time(model.created)}};
}

}  // namespace

// GET /v1/models
Handled models(ApiContext& context, const ApiRequest&, const Json&) {
  return json_reply({{"object", "list"},
                     {"data", Json::array({describe(context.model)})},
                     {"has_more", false},
                     {"first_id", context.model.id},
                     {"last_id", context.model.id}});
}

// GET /v1/models/NAME
Handled model(ApiContext& context, const ApiRequest& request, const Json&) {
  const std::string name = request.path.substr(std::string_view("/v1/models/").size());
  if (name != context.model.id) {
    return not_found(fmt::format("the model {} does not exist here; this server runs {}", name,
                                 context.model.id),
                     "model_not_found");
  }
  return json_reply(describe(context.model));
}

}  // namespace linnet::serve
