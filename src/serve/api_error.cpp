#include "serve/api_error.hpp"

namespace linnet::serve {
namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

}  // namespace

Json to_json(const ApiError& error) {
  return {{"error",
           {{"message", error.message},
            {"type", error.type},
            {"param", text_or_null(error.param)},
            {"code", text_or_null(error.code)}}}};
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ApiError invalid_request(std::string message, std::string param, std::string code) {
  ApiError error;
  error.message = std::move(message);
  error.param = std::move(param);
  error.code = std::move(code);
  return error;
}

ApiError not_found(std::string message, std::string code) {
  ApiError error = invalid_request(std::move(message), "", std::move(code));
  error.status = 404;
  return error;
}

ApiError overloaded(std::string message, int retry_after_s) {
  ApiError error = invalid_request(std::move(message), "", "rate_limit_exceeded");
  error.status = 429;
  error.type = "rate_limit_error";
  error.retry_after_s = retry_after_s;
  return error;
}

ApiError unavailable(int status, std::string message, std::string code) {
  ApiError error = invalid_request(std::move(message), "", std::move(code));
  error.status = status;
  error.type = "server_error";
  return error;
}

}  // namespace linnet::serve
