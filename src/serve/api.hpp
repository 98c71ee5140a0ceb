#pragma once

#include <optional>
#include <string_view>

#include "serve/api_context.hpp"

namespace linnet::serve {

/// The reply to an error; counted in `metrics`.
ApiReply error_reply(const ApiError& error, Metrics& metrics,
                     ErrorShape shape = ErrorShape::kOpenAi);

/// The endpoints, without HTTP.
class Api {
 public:
  /// All must outlive this.
  Api(const ServedModel& model, EngineThread& engine, Metrics& metrics);

  /// An Error that needs no body: an unknown path, no valid key, a wrong method. From any thread.
  std::optional<ApiError> refuse(const ApiRequest& request) const;
  /// POST may take long (prompts are encoded, schemas compiled) and must always come from the same
  /// thread; GET may come from any.
  ApiReply handle(const ApiRequest& request);
  /// The path in the table of routes, or "other": for the metrics.
  static std::string_view route_name(std::string_view path);
  /// Whose errors the clients of this path understand.
  static ErrorShape error_shape(std::string_view path);

 private:
  ApiContext context_;
};

}  // namespace linnet::serve
