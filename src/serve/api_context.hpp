#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serve/access/client_account.hpp"
#include "serve/answers/pending_answer.hpp"
#include "serve/api_error.hpp"
#include "serve/metrics.hpp"
#include "serve/model_set.hpp"
#include "serve/sequence_list.hpp"

namespace linnet::serve {

/// A request as the API sees it.
struct ApiRequest {
  std::string method;
  std::string path;   ///< without the query
  std::string query;  ///< as it came, what is after the ?
  std::string body;
  std::optional<Json> json;               ///< the body, once it was read
  std::shared_ptr<ClientAccount> client;  ///< null: it sent no valid key
  std::string model;                      ///< that answers, if there are several
  /// Called from the I/O thread when the answer has something new.
  std::function<void()> notify;
  /// Whether the client has gone, so that nobody will read a reply. From any thread.
  std::function<bool()> is_given_up = [] { return false; };
};

/// A reply that is complete, or an answer that is to come.
struct ApiReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::unique_ptr<PendingAnswer> pending;
};

/// What endpoints work with. Safe to use from several threads.
struct ApiContext {
  const ModelSet& models;
  ModelEntry& chosen;            ///< of them, by the request
  const ServedAdapter* adapter;  ///< that the request has named instead of a model; null: none
  const Metrics& metrics;
  SequenceList& sequences;
  /// How much of each adapter of the model the request wants; see GenerateRequest.
  std::vector<float> adapter_strengths;
  const std::function<bool()>& is_given_up;  ///< the request's
  /// Else what takes long is the error kTakesLong: compiling a grammar, reading pictures,
  /// encoding a query with each of many documents.
  bool may_take_long = true;
  ErrorShape errors = ErrorShape::kOpenAi;  ///< whose words the client knows

  const ServedModel& model() const { return chosen.model; }
  /// What answers are said to come from.
  const std::string& shown_model() const { return adapter ? adapter->name : model().id; }
};

ApiReply json_reply(const Json& json);

}  // namespace linnet::serve
