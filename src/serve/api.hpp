#pragma once

#include <optional>
#include <string_view>

#include "serve/api_context.hpp"

namespace linnet::serve {

/// The reply to an error; counted in `metrics`.
ApiReply error_reply(const ApiError& error, Metrics& metrics,
                     ErrorShape shape = ErrorShape::kOpenAi);

/// The endpoints, without HTTP. All members may be called from any thread.
class Api {
 public:
  /// All must outlive this. `takes_any_model`: an unknown name means the first model.
  Api(const ModelSet& models, Metrics& metrics, bool takes_any_model = false);

  /// An Error that needs no body: an unknown path, no valid key, a wrong method.
  std::optional<ApiError> refuse(const ApiRequest& request) const;
  /// May take long where a large prompt is encoded or a schema compiled.
  ApiReply handle(ApiRequest& request);
  /// The same, but nothing if it may take long: then a thread on which no other request waits
  /// should handle() it.
  std::optional<ApiReply> handle_quickly(ApiRequest& request);
  /// The path in the table of routes, or "other": for the metrics.
  static std::string_view route_name(std::string_view path);
  /// The API whose errors the clients of this path understand.
  static ErrorShape error_shape(std::string_view path);

 private:
  ApiResult<ApiReply> reply_to(ApiRequest& request, bool may_take_long);
  ApiResult<ApiReply> dispatch(ApiRequest& request, bool may_take_long);
  ApiResult<NamedModel> choose_model(const ApiRequest& request, const Json& body,
                                     ErrorShape shape) const;
  ApiReply refusal(const ApiRequest& request, const ApiError& error);

  const ModelSet& models_;
  Metrics& metrics_;
  const bool takes_any_model_;
  SequenceList sequences_;
};

}  // namespace linnet::serve
