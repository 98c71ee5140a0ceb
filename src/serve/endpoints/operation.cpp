// What operators ask for.

#include "serve/endpoints/endpoints.hpp"

namespace linnet::serve {

// GET /health
Handled health(ApiContext& context, const ApiRequest&, const Json&) {
  if (auto problem = context.models.loading_problem()) return std::move(*problem);
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
