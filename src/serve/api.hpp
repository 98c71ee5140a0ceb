#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "serve/api_error.hpp"
#include "serve/client_account.hpp"
#include "serve/engine_thread.hpp"
#include "serve/metrics.hpp"
#include "serve/pending_answer.hpp"
#include "serve/request_mapping.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// A request as the API sees it.
struct ApiRequest {
  std::string method;
  std::string path;  ///< without the query
  std::string body;
  std::shared_ptr<ClientAccount> client;  ///< null: it sent no valid key
  /// Called from any thread when the answer has something new.
  std::function<void()> notify;
};

/// A reply that is complete, or an answer that is to come.
struct ApiReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::unique_ptr<PendingAnswer> pending;
};

/// The reply to an error; counted in `metrics`.
ApiReply error_reply(const ApiError& error, Metrics& metrics);

/// The endpoints, without HTTP. Belongs to the I/O thread.
class Api {
 public:
  /// All must outlive this.
  Api(const ServedModel& model, EngineThread& engine, Metrics& metrics);

  /// An Error that needs no body: an unknown path, no valid key, a wrong method.
  std::optional<ApiError> refuse(const ApiRequest& request) const;
  ApiReply handle(const ApiRequest& request);
  /// The path where it is one of the API's, else "other": for the metrics.
  static std::string_view route_name(std::string_view path);

 private:
  using Handled = std::variant<ApiReply, ApiError>;
  using Handler = Handled (Api::*)(const ApiRequest&, const Json& body);
  struct Route {
    std::string_view method, path;
    Handler handler;
    bool is_public = false;
  };
  static const std::vector<Route>& routes();

  Handled health(const ApiRequest&, const Json&);
  Handled models(const ApiRequest&, const Json&);
  Handled metrics(const ApiRequest&, const Json&);
  Handled completions(const ApiRequest&, const Json& body);
  Handled chat_completions(const ApiRequest&, const Json& body);
  Handled tokenize(const ApiRequest&, const Json& body);
  Handled detokenize(const ApiRequest&, const Json& body);
  Handled apply_template(const ApiRequest&, const Json& body);

  // A text that is to be generated.
  struct Work {
    GenerationOptions options;
    std::vector<TokenId> prompt;
    std::vector<TokenId> shown_tokens;
    std::unique_ptr<AnswerFormat> format;
  };

  std::optional<ApiError> check_model(Fields& fields) const;
  std::variant<std::int64_t, ApiError> tokens_to_generate(const Work& work) const;
  Handled start(const ApiRequest& request, Work work);
  std::variant<Prompt, ApiError> render(const ChatRequest& request) const;
  std::vector<TokenId> markers(const OutputFormat& format) const;
  AnswerHead head(std::string_view prefix, const GenerationOptions& options) const;

  const ServedModel& model_;
  EngineThread& engine_;
  Metrics& metrics_;
};

}  // namespace linnet::serve
