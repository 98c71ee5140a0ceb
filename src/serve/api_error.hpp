#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "chat/json_text.hpp"

namespace linnet::serve {

using Json = nlohmann::ordered_json;

/// What a client did wrong, or why the server cannot serve it, in the terms of OpenAI's API.
struct ApiError {
  int status = 400;
  std::string type = "invalid_request_error";
  std::string code;       ///< empty: null
  std::string message;    ///< a sentence for a person
  std::string param;      ///< path of the JSON field; empty: null
  int retry_after_s = 0;  ///< 0: no such header
  std::string allow;      ///< what the path takes instead of the method; empty: no such header
};

/// The code of what a request meets if it must not take long, but would. No client sees it.
inline constexpr std::string_view kTakesLong = "takes_long";

/// A value, or the reason why there is none.
template <class T>
class [[nodiscard]] ApiResult {
 public:
  ApiResult(T value) : state_(std::in_place_index<0>, std::move(value)) {}         // NOLINT
  ApiResult(ApiError error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const ApiError& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, ApiError> state_;
};

/// The API whose error bodies an endpoint writes.
enum class ErrorShape { kOpenAi, kAnthropic, kOllama };

/// kOpenAi: {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}
/// kAnthropic: {"type": "error", "error": {"type": ..., "message": ..., "code": ...}}
/// kOllama: {"error": ...}
Json to_json(const ApiError& error, ErrorShape shape = ErrorShape::kOpenAi);

ApiError invalid_request(std::string message, std::string param = "", std::string code = "");
ApiError not_found(std::string message, std::string code);
/// The server cannot take more work now.
ApiError overloaded(std::string message, int retry_after_s);
/// The server itself failed, is loading or is shutting down.
ApiError unavailable(int status, std::string message, std::string code);
/// For the log: of what stopped because nobody waits for the reply.
ApiError client_gone();

}  // namespace linnet::serve
