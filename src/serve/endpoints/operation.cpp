// What operators ask for.

#include "serve/endpoints/endpoints.hpp"

namespace linnet::serve {

// GET /health
Handled health(ApiContext& context, const ApiRequest&, const Json&) {
  switch (context.engine.state()) {
    case EngineThread::State::kReady:
      if (auto problem = context.engine.step_problem(); !problem.empty()) {
        return unavailable(500, std::move(problem), "engine_failed");
      }
      return json_reply({{"status", "ok"}});
    case EngineThread::State::kLoading:
      break;
    case EngineThread::State::kFailed:
      return unavailable(500, "the model could not be loaded", "load_failed");
  }
  ApiError error = unavailable(503, "the model is being loaded", "loading");
  error.retry_after_s = 1;
  return error;
}

// GET /metrics
Handled metrics(ApiContext& context, const ApiRequest&, const Json&) {
  ApiReply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = context.metrics.print();
  return reply;
}

// GET /v1/sequences
Handled sequences(ApiContext& context, const ApiRequest&, const Json&) {
  return json_reply(context.sequences.to_json());
}

}  // namespace linnet::serve
