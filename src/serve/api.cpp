#include "serve/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <new>

#include "serve/endpoints/endpoints.hpp"
#include "serve/requests/adapter_choice.hpp"
#include "serve/requests/json_request.hpp"
#include "serve/requests/multipart.hpp"
#include "serve/requests/percent_decoded.hpp"

namespace linnet::serve {
namespace {

// Bytes of a body that is always read quickly.
constexpr std::size_t kQuickBody = 64 << 10;

struct Route {
  std::string_view method;
  std::string_view path;  ///< one that ends in / stands for all that begin so
  Handler handler;
  ErrorShape errors = ErrorShape::kOpenAi;
  bool is_public = false;
  Result<Json> (*parse)(std::string_view body) = parse_body;
};

constexpr Route takes_adapters(std::string_view path, Handler handler) {
  Route route{"POST", path, handler};
  route.parse = parse_adapter_list;
  return route;
}

constexpr Route takes_files(std::string_view path, Handler handler) {
  Route route{"POST", path, handler};
  route.parse = parse_multipart;
  return route;
}

constexpr std::array kRoutes = {
    Route{"GET", "/health", health, ErrorShape::kOpenAi, /*is_public=*/true},
    Route{"GET", "/v1/health", health, ErrorShape::kOpenAi, /*is_public=*/true},
    Route{"GET", "/metrics", metrics},
    Route{"GET", "/v1/sequences", sequences},
    Route{"GET", "/v1/models", models},
    Route{"GET", "/models", models},
    Route{"GET", "/v1/models/", model},
    Route{"POST", "/v1/completions", completions},
    Route{"POST", "/completions", completions},
    Route{"POST", "/v1/chat/completions", chat_completions},
    Route{"POST", "/chat/completions", chat_completions},
    takes_files("/v1/audio/transcriptions", transcriptions),
    takes_files("/audio/transcriptions", transcriptions),
    Route{"POST", "/v1/responses", responses},
    Route{"POST", "/responses", responses},
    Route{"POST", "/v1/chat/completions/input_tokens", chat_input_tokens},
    Route{"POST", "/chat/completions/input_tokens", chat_input_tokens},
    Route{"POST", "/v1/responses/input_tokens", response_input_tokens},
    Route{"POST", "/responses/input_tokens", response_input_tokens},
    Route{"POST", "/v1/embeddings", embeddings},
    Route{"POST", "/embeddings", embeddings},
    Route{"POST", "/v1/rerank", rerank},
    Route{"POST", "/v1/reranking", rerank},
    Route{"POST", "/v2/rerank", rerank},
    Route{"POST", "/rerank", rerank},
    Route{"POST", "/reranking", rerank},
    Route{"POST", "/v1/messages", messages, ErrorShape::kAnthropic},
    Route{"POST", "/v1/messages/count_tokens", count_tokens, ErrorShape::kAnthropic},
    Route{"POST", "/completion", llama_completion},
    Route{"POST", "/embedding", llama_embedding},
    Route{"POST", "/infill", llama_infill},
    Route{"GET", "/props", llama_props},
    Route{"GET", "/slots", llama_slots},
    Route{"GET", "/lora-adapters", llama_adapters},
    takes_adapters("/lora-adapters", llama_set_adapters),
    Route{"POST", "/api/chat", ollama_chat, ErrorShape::kOllama},
    Route{"POST", "/api/generate", ollama_generate, ErrorShape::kOllama},
    Route{"POST", "/api/embed", ollama_embed, ErrorShape::kOllama},
    Route{"POST", "/api/embeddings", ollama_embeddings, ErrorShape::kOllama},
    Route{"GET", "/api/tags", ollama_tags, ErrorShape::kOllama},
    Route{"GET", "/api/ps", ollama_ps, ErrorShape::kOllama},
    Route{"POST", "/api/show", ollama_show, ErrorShape::kOllama},
    Route{"GET", "/api/version", ollama_version, ErrorShape::kOllama},
    Route{"POST", "/tokenize", tokenize},
    Route{"POST", "/detokenize", detokenize},
    Route{"POST", "/apply-template", apply_template},
};

bool fits(const Route& route, std::string_view path) {
  return route.path.ends_with('/') ? path.starts_with(route.path) : path == route.path;
}

// The one that takes `method`, else any; null where there is none of that path.
const Route* find_route(std::string_view path, std::string_view method = {}) {
  const Route* found = nullptr;
  for (const Route& route : kRoutes) {
    if (!fits(route, path) || (found && route.method != method)) continue;
    found = &route;
  }
  return found;
}

ApiError wrong_method(const ApiRequest& request) {
  std::string methods, allow;
  for (const Route& route : kRoutes) {
    if (!fits(route, request.path)) continue;
    methods += fmt::format("{}{}", methods.empty() ? "" : " and ", route.method);
    allow += fmt::format("{}{}", allow.empty() ? "" : ", ", route.method);
    if (route.method == "GET") allow += ", HEAD";
  }
  ApiError error =
      invalid_request(fmt::format("{} takes {}, not {}", request.path, methods, request.method), "",
                      "method_not_allowed");
  error.status = 405;
  error.allow = std::move(allow);
  return error;
}

// What other servers have, and what does it here or why nothing does.
struct ElsewherePath {
  std::string_view begin;
  std::string_view instead;
};

constexpr std::array kElsewhere = {
    ElsewherePath{"/api/blobs", "linnet pull brings models here, and linnet serve names them"},
    ElsewherePath{"/api/copy", "linnet serve --alias gives a model further names"},
    ElsewherePath{"/api/create", "linnet serve names the models and their templates"},
    ElsewherePath{"/api/delete", "linnet cache removes what was downloaded"},
    ElsewherePath{"/api/pull", "linnet pull brings models here, and linnet serve names them"},
    ElsewherePath{"/api/push", "this server sends models to nobody"},
    ElsewherePath{"/cors-proxy", "this server fetches nothing"},
    ElsewherePath{"/classify", "/v1/rerank scores documents, /v1/embeddings makes vectors"},
    ElsewherePath{"/models/load", "a model is loaded by the first request for it"},
    ElsewherePath{"/models/unload", "--idle-minutes unloads a model, and Ollama's keep_alive 0"},
    ElsewherePath{"/pooling", "/v1/embeddings makes vectors"},
    ElsewherePath{"/score", "/v1/rerank scores documents"},
    ElsewherePath{"/slots/", "--cache-dir keeps what was computed; slots are not saved or erased"},
    ElsewherePath{"/tools", "this server runs no tools: answers have calls for the client to run"},
    ElsewherePath{"/v1/audio/speech", "answers are text"},
    ElsewherePath{"/v1/audio/translations", "/v1/audio/transcriptions takes a prompt"},
    ElsewherePath{"/v1/batches", "this server keeps no files: send the requests one by one"},
    ElsewherePath{"/v1/files", "this server keeps no files"},
    ElsewherePath{"/v1/images", "answers are text"},
    ElsewherePath{"/v1/moderations", "this server judges no texts"},
    ElsewherePath{"/v1/responses/compact", "nothing is ever left out of an input or summed up"},
    ElsewherePath{"/v1/responses/",
                  "this server keeps no responses: there is none to be fetched, ended or deleted"},
    ElsewherePath{"/v1/score", "/v1/rerank scores documents"},
};

// Also says where it is what some clients leave out: their address has to end in /v1.
ApiError unknown_path(const std::string& path) {
  const auto other = std::ranges::find_if(
      kElsewhere, [&](const ElsewherePath& of) { return path.starts_with(of.begin); });
  if (other != kElsewhere.end()) {
    return not_found(fmt::format("there is no {}: {}", path, other->instead), "unknown_url");
  }
  const Route* const route = find_route("/v1" + path);
  const std::string own = route && route->path == "/v1" + path ? "/v1" + path : "";
  return not_found(fmt::format("there is no {}{}", path, own.empty() ? "" : ", but " + own),
                   "unknown_url");
}

}  // namespace

ApiReply json_reply(const Json& json) {
  ApiReply reply;
  reply.body = json_text(json);
  return reply;
}

ApiReply error_reply(const ApiError& error, Metrics& metrics, ErrorShape shape) {
  metrics.count_error(error.code.empty() ? error.type : error.code);
  ApiReply reply = json_reply(to_json(error, shape));
  reply.status = error.status;
  if (error.retry_after_s > 0) {
    reply.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
  }
  if (!error.allow.empty()) reply.headers.emplace_back("Allow", error.allow);
  if (error.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

Api::Api(const ModelSet& models, Metrics& metrics, bool takes_any_model)
    : models_(models), metrics_(metrics), takes_any_model_(takes_any_model) {}

std::string_view Api::route_name(std::string_view path) {
  const Route* const route = find_route(path);
  return route ? route->path : "other";
}

ErrorShape Api::error_shape(std::string_view path) {
  const Route* const route = find_route(path);
  if (!route && path.starts_with("/api/")) return ErrorShape::kOllama;
  return route ? route->errors : ErrorShape::kOpenAi;
}

std::optional<ApiError> Api::refuse(const ApiRequest& request) const {
  const Route* const route = find_route(request.path, request.method);
  if (!route) return unknown_path(request.path);
  if (!route->is_public && !request.client) {
    ApiError error =
        invalid_request("this server needs one of its API keys: send Authorization: Bearer KEY", "",
                        "invalid_api_key");
    error.status = 401;
    return error;
  }
  if (route->method != request.method) return wrong_method(request);
  return std::nullopt;
}

ApiReply Api::refusal(const ApiRequest& request, const ApiError& error) {
  return error_reply(error, metrics_, error_shape(request.path));
}

ApiReply Api::handle(ApiRequest& request) {
  auto reply = reply_to(request, /*may_take_long=*/true);
  return reply ? std::move(*reply) : refusal(request, reply.error());
}

std::optional<ApiReply> Api::handle_quickly(ApiRequest& request) {
  if (request.body.size() > kQuickBody) return std::nullopt;
  auto reply = reply_to(request, /*may_take_long=*/false);
  if (reply) return std::move(*reply);
  if (reply.error().code == kTakesLong) {
    request.json.reset();  // it may take twenty times as much memory as the body while it waits
    return std::nullopt;
  }
  return refusal(request, reply.error());
}

// A reply is due whatever a library that we call throws.
ApiResult<ApiReply> Api::reply_to(ApiRequest& request, bool may_take_long) {
  try {
    return dispatch(request, may_take_long);
  } catch (const std::bad_alloc&) {
    return unavailable(503, "there is not enough memory for the request", "out_of_memory");
  } catch (const std::exception& error) {
    return unavailable(500, std::string("the request could not be handled: ") + error.what(),
                       "internal_error");
  }
}

ApiResult<ApiReply> Api::dispatch(ApiRequest& request, bool may_take_long) {
  if (const auto error = refuse(request)) return *error;
  if (may_take_long && request.is_given_up()) return client_gone();
  const Route& route = *find_route(request.path, request.method);
  if (route.method == "POST" && !request.json) {
    auto parsed = route.parse(request.body);
    if (!parsed) return invalid_request(parsed.error().message);
    request.json = std::move(*parsed);
  }
  const Json none, &body = request.json ? *request.json : none;
  // What models there are is not for everybody.
  const auto chosen = route.is_public ? NamedModel{&models_.first(), nullptr}
                                      : choose_model(request, body, route.errors);
  if (!chosen) return chosen.error();
  const ServedModel& model = chosen->entry->model;
  auto strengths = read_adapters(body, model, chosen->adapter);
  if (!strengths) return strengths.error();
  if (strengths->empty()) *strengths = chosen->entry->adapters.strengths();
  ApiContext context{.models = models_,
                     .chosen = *chosen->entry,
                     .adapter = chosen->adapter,
                     .metrics = metrics_,
                     .sequences = sequences_,
                     .adapter_strengths = std::move(*strengths),
                     .is_given_up = request.is_given_up,
                     .may_take_long = may_take_long,
                     .errors = route.errors};
  const bool has_choice = models_.entries().size() > 1 || context.adapter;
  if (route.method == "POST" && has_choice) request.model = context.shown_model();
  return route.handler(context, request, body);
}

// The one that the field `model` names, of the body or of the query; the first one where there is
// none. Who comes from Ollama may write the tag that a name without one has there, and older
// clients of its API call the field `name`.
ApiResult<NamedModel> Api::choose_model(const ApiRequest& request, const Json& body,
                                        ErrorShape shape) const {
  const bool is_ollama = shape == ErrorShape::kOllama;
  const Json none = Json::object();
  Fields fields(body.is_null() ? none : body);
  auto name = fields.text(is_ollama && !fields.has("model") ? "name" : "model");
  if (fields.error()) return *fields.error();
  if (!name) name = query_field(request.query, "model");
  constexpr std::string_view kTag = ":latest";
  if (name && name->ends_with(kTag) && !models_.find(*name)) {
    name->resize(name->size() - kTag.size());
  }
  const NamedModel first{&models_.first(), nullptr};
  if (!name || name->empty()) return first;
  const auto chosen = models_.find(*name);
  if (chosen) return *chosen;
  if (takes_any_model_) return first;
  ApiError error = chosen.error();
  error.param = "model";
  return error;
}

}  // namespace linnet::serve
