#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace linnet::serve {

using Json = nlohmann::ordered_json;

/// What a client did wrong, or why the server cannot serve it, in the form of OpenAI's API.
struct ApiError {
  int status = 400;
  std::string type = "invalid_request_error";
  std::string code;       ///< empty: null
  std::string message;    ///< a sentence for a person
  std::string param;      ///< path of the JSON field; empty: null
  int retry_after_s = 0;  ///< 0: no such header
};

/// {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}
Json to_json(const ApiError& error);

/// JSON text; bytes that are not UTF-8 become U+FFFD.
std::string dump(const Json& json);

ApiError invalid_request(std::string message, std::string param = "", std::string code = "");
ApiError not_found(std::string message, std::string code);
/// The server cannot take more work now.
ApiError overloaded(std::string message, int retry_after_s);
/// The server itself failed, is loading or is shutting down.
ApiError unavailable(int status, std::string message, std::string code);

}  // namespace linnet::serve
