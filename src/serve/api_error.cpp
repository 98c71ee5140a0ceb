#include "serve/api_error.hpp"

#include <array>

namespace linnet::serve {
namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// https://docs.anthropic.com/en/api/errors
std::string_view anthropic_type(int status) {
  static constexpr std::array kTypes = {
      std::pair{400, "invalid_request_error"}, std::pair{401, "authentication_error"},
      std::pair{403, "permission_error"},      std::pair{404, "not_found_error"},
      std::pair{413, "request_too_large"},     std::pair{429, "rate_limit_error"},
      std::pair{503, "overloaded_error"},
  };
  for (const auto& [known, type] : kTypes) {
    if (known == status) return type;
  }
  return status < 500 ? "invalid_request_error" : "api_error";
}

}  // namespace

Json to_json(const ApiError& error, ErrorShape shape) {
  if (shape == ErrorShape::kAnthropic) {
    return {{"type", "error"},
            {"error",
             {{"type", anthropic_type(error.status)},
              {"message", error.message},
              {"code", text_or_null(error.code)}}}};
  }
  if (shape == ErrorShape::kOllama) return {{"error", error.message}};
  return {{"error",
           {{"message", error.message},
            {"type", error.type},
            {"param", text_or_null(error.param)},
            {"code", text_or_null(error.code)}}}};
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

ApiError client_gone() {
  constexpr int kStatus = 499;  // nginx' word for a client that did not wait
  return unavailable(kStatus, "the client has gone", "client_gone");
}

}  // namespace linnet::serve
