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
#include "serve/constraints/grammar_cache.hpp"
#include "serve/engine_thread.hpp"
#include "serve/metrics.hpp"
#include "serve/sequence_list.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// A request as the API sees it.
struct ApiRequest {
  std::string method;
  std::string path;  ///< without the query
  std::string body;
  std::optional<Json> json;               ///< the body, once it was read
  std::shared_ptr<ClientAccount> client;  ///< null: it sent no valid key
  /// Called from the I/O thread when the answer has something new.
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

/// What endpoints work with. Safe to use from several threads.
struct ApiContext {
  const ServedModel& model;
  EngineThread& engine;
  Metrics& metrics;
  GrammarCache& grammars;
  SequenceList& sequences;
  bool may_compile = true;  ///< else a grammar that is not known is GrammarCache::kNotCompiled
};

ApiReply json_reply(const Json& json);

}  // namespace linnet::serve
