// What operators ask for.

#include "serve/endpoints/endpoints.hpp"

namespace linnet::serve {

// GET /health
Handled health(ApiContext& context, const ApiRequest&, const Json&) {
  const auto first_load = context.models.first().engine->first_load();
  if (!first_load) {
    ApiError error = unavailable(503, "the model is being loaded", "loading");
    error.retry_after_s = 1;
    return error;
  }
  if (!*first_load) {
    return unavailable(500, "the model could not be loaded", std::string(kLoadFailed));
  }
  if (auto problem = context.models.step_problem(); !problem.empty()) {
    return unavailable(500, std::move(problem), std::string(kEngineFailed));
  }
  return json_reply({{"status", "ok"}});
}

// GET /metrics
Handled metrics(ApiContext& context, const ApiRequest&, const Json&) {
  ApiReply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = context.metrics.print(context.models.metrics());
  return reply;
}

// GET /v1/sequences
Handled sequences(ApiContext& context, const ApiRequest&, const Json&) {
  return json_reply(context.sequences.to_json());
}

}  // namespace linnet::serve
