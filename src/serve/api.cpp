#include "serve/api.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "serve/chat_request.hpp"
#include "serve/json_request.hpp"

namespace linnet::serve {
namespace {

ApiReply json_reply(const Json& json) {
  ApiReply reply;
  reply.body = dump(json);
  return reply;
}

}  // namespace

ApiReply error_reply(const ApiError& error, Metrics& metrics) {
  metrics.count_error(error.code.empty() ? error.type : error.code);
  ApiReply reply = json_reply(to_json(error));
  reply.status = error.status;
  if (error.retry_after_s > 0) {
    reply.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
  }
  return reply;
}

Api::Api(const ServedModel& model, EngineThread& engine, Metrics& metrics)
    : model_(model), engine_(engine), metrics_(metrics) {}

const std::vector<Api::Route>& Api::routes() {
  static const std::vector<Route> kRoutes = {
      {"GET", "/health", &Api::health, true},
      {"GET", "/metrics", &Api::metrics},
      {"GET", "/v1/models", &Api::models},
      {"POST", "/v1/completions", &Api::completions},
      {"POST", "/v1/chat/completions", &Api::chat_completions},
      {"POST", "/tokenize", &Api::tokenize},
      {"POST", "/detokenize", &Api::detokenize},
      {"POST", "/apply-template", &Api::apply_template},
  };
  return kRoutes;
}

std::string_view Api::route_name(std::string_view path) {
  const auto route = std::ranges::find(routes(), path, &Route::path);
  return route == routes().end() ? "other" : route->path;
}

std::optional<ApiError> Api::refuse(const ApiRequest& request) const {
  const auto route = std::ranges::find(routes(), request.path, &Route::path);
  if (route == routes().end()) {
    return not_found(fmt::format("there is no {}", request.path), "unknown_url");
  }
  if (!route->is_public && !request.client) {
    ApiError error =
        invalid_request("this server needs one of its API keys: send Authorization: Bearer KEY", "",
                        "invalid_api_key");
    error.status = 401;
    return error;
  }
  if (route->method != request.method) {
    ApiError error = invalid_request(
        fmt::format("{} takes {}, not {}", request.path, route->method, request.method), "",
        "method_not_allowed");
    error.status = 405;
    return error;
  }
  return std::nullopt;
}

ApiReply Api::handle(const ApiRequest& request) {
  if (const auto error = refuse(request)) return error_reply(*error, metrics_);
  const auto route = std::ranges::find(routes(), request.path, &Route::path);
  Json body;
  if (route->method == "POST") {
    auto parsed = parse_body(request.body);
    if (!parsed) return error_reply(invalid_request(parsed.error().message), metrics_);
    body = std::move(*parsed);
  }
  Handled handled = (this->*route->handler)(request, body);
  if (const auto* error = std::get_if<ApiError>(&handled)) return error_reply(*error, metrics_);
  return std::get<ApiReply>(std::move(handled));
}

Api::Handled Api::health(const ApiRequest&, const Json&) {
  switch (engine_.state()) {
    case EngineThread::State::kReady:
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

Api::Handled Api::models(const ApiRequest&, const Json&) {
  Json capabilities = {"completion"};
  if (model_.chat) capabilities.push_back("chat");
  return json_reply({{"object", "list"},
                     {"data", Json::array({{{"id", model_.id},
                                            {"object", "model"},
                                            {"created", model_.created},
                                            {"owned_by", "linnet"},
                                            {"context_length", model_.context},
                                            {"capabilities", std::move(capabilities)}}})}});
}

Api::Handled Api::metrics(const ApiRequest&, const Json&) {
  ApiReply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = metrics_.print();
  return reply;
}

Api::Handled Api::tokenize(const ApiRequest&, const Json& body) {
  Fields fields(body);
  const auto text = fields.text("content");
  const bool add_special = fields.boolean("add_special", false);
  const bool parse_special = fields.boolean("parse_special", true);
  const bool with_pieces = fields.boolean("with_pieces", false);
  if (fields.error()) return *fields.error();
  if (!text) return invalid_request("content: expected a string, found nothing", "content");
  const auto ids = model_.tokenizer->encode(
      *text, {.add_special = add_special, .parse_special = parse_special, .plain = {}});
  if (!ids) return invalid_request("content: " + ids.error().message, "content");
  if (!with_pieces) return json_reply({{"tokens", *ids}});
  Json tokens = Json::array();
  for (const TokenId id : *ids) {
    tokens.push_back({{"id", id}, {"piece", model_.tokenizer->piece(id)}});
  }
  return json_reply({{"tokens", std::move(tokens)}});
}

Api::Handled Api::detokenize(const ApiRequest&, const Json& body) {
  Fields fields(body);
  const Json* const tokens = fields.array("tokens", SIZE_MAX);
  if (fields.error()) return *fields.error();
  if (!tokens) return invalid_request("tokens: expected an array, found nothing", "tokens");
  auto ids = read_tokens(*tokens, "tokens", model_.tokenizer->vocabulary_size());
  if (const auto* error = std::get_if<ApiError>(&ids)) return *error;
  Detokenizer detokenizer(*model_.tokenizer, /*at_start=*/true, /*show_special=*/true);
  std::string text;
  for (const TokenId id : std::get<std::vector<TokenId>>(ids)) text += detokenizer.push(id);
  return json_reply({{"content", text + detokenizer.finish()}});
}

Api::Handled Api::apply_template(const ApiRequest&, const Json& body) {
  Fields fields(body);
  ChatRequest chat = read_chat_request(fields);
  chat.add_generation_prompt = fields.boolean("add_generation_prompt", true);
  if (fields.error()) return *fields.error();
  auto prompt = render(chat);
  if (const auto* error = std::get_if<ApiError>(&prompt)) return *error;
  const auto& [text, data, format, in_reasoning, warnings] = std::get<Prompt>(prompt);
  return json_reply({{"prompt", text}, {"warnings", warnings}});
}

}  // namespace linnet::serve
