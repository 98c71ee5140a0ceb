#include "library/requests.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "generate/sampling/parameter_table.hpp"

namespace linnet::library {
namespace {

using serve::Json;
using Pointer = Json::json_pointer;

constexpr float kHottest = 100.0f;

Status check_options(const linnet_generate_options& options) {
  if (options.max_tokens < 0) {
    return Error{fmt::format("max_tokens is {}, expected a number from 0 on", options.max_tokens)};
  }
  if (!(options.temperature <= kHottest)) {  // nor is it no number
    return Error{
        fmt::format("temperature is {}, expected {} at most", options.temperature, kHottest)};
  }
  if (options.top_k < 0) {
    return Error{fmt::format("top_k is {}, expected a number from 0 on", options.top_k)};
  }
  for (const auto& [name, value] : {std::pair("top_p", options.top_p), {"min_p", options.min_p}}) {
    if (value >= 0.0f && value <= 1.0f) continue;
    return Error{fmt::format("{} is {}, expected 0 to 1", name, value)};
  }
  return {};
}

// All that says how tokens are drawn; where the model's file is to, nothing.
Json sampling_fields(const linnet_generate_options& options) {
  Json fields = {{"seed", static_cast<std::int64_t>(options.seed)}, {"stream", true}};
  if (options.temperature < 0.0f) return fields;
  SamplingParams params;
  params.temperature = options.temperature;
  params.top_k = options.top_k;
  params.top_p = options.top_p > 0.0f ? options.top_p : 1.0f;
  params.min_p = options.min_p;
  for (const SamplingParameter& parameter : kSamplingParameters) {
    std::visit([&](auto member) { fields[parameter.field] = params.*member; }, parameter.member);
  }
  return fields;
}

serve::ApiRequest request_of(std::string_view path, Json body) {
  serve::ApiRequest request;
  request.method = "POST";
  request.path = path;
  request.json = std::move(body);
  return request;
}

// What a reply that is none says is wrong.
Error error_of(const Reply& reply) {
  return Error{Json::parse(reply.body).at(Pointer("/error/message")).get<std::string>()};
}

// Where the events of an answer have what.
struct EventFields {
  Pointer text;
  Pointer finish_reason{"/choices/0/finish_reason"};
};

Result<linnet_finish_reason> stream_text(linnet_model& model, serve::ApiRequest request,
                                         const EventFields& fields, const OnText& on_text) {
  linnet_finish_reason finish = LINNET_STOP;
  const auto take = [&](std::string_view json) {
    if (json.empty()) return on_text({});
    const Json event = Json::parse(json);
    const Json reason = event.value(fields.finish_reason, Json());
    if (reason == "length") finish = LINNET_LENGTH;
    const Json text = event.value(fields.text, Json());
    return on_text(text.is_string() ? text.get_ref<const std::string&>() : std::string());
  };
  const auto reply = answer(model, std::move(request), take);
  if (!reply) return reply.error();
  if (reply->is_cancelled) return LINNET_CANCELLED;
  if (reply->error) return Error{reply->error->message};
  if (!reply->body.empty()) return error_of(*reply);
  return finish;
}

}  // namespace

Result<linnet_finish_reason> generate(linnet_model& model, std::string_view prompt,
                                      const linnet_generate_options& options,
                                      const OnText& on_text) {
  if (Status s = check_options(options); !s) return s.error();
  const serve::ServedModel& served = model.api->model();
  const auto tokens = served.tokenizer->encode(prompt, {.add_special = true});
  if (!tokens) return tokens.error();
  if (tokens->empty()) return Error{"the prompt has no tokens"};
  const std::int64_t left = served.context - std::ssize(*tokens);
  Json body = sampling_fields(options);
  body["prompt"] = std::vector<std::uint32_t>(tokens->begin(), tokens->end());
  body["max_tokens"] =
      options.max_tokens > 0 ? options.max_tokens : std::max<std::int64_t>(left, 1);
  return stream_text(model, request_of("/v1/completions", std::move(body)),
                     {Pointer("/choices/0/text")}, on_text);
}

Result<linnet_finish_reason> chat(linnet_model& model, std::span<const linnet_message> messages,
                                  const linnet_generate_options& options, const OnText& on_text) {
  if (Status s = check_options(options); !s) return s.error();
  Json body = sampling_fields(options);
  Json& list = body["messages"] = Json::array();
  for (const linnet_message& message : messages) {
    if (!message.role || !message.text) return Error{"the role or text of a message is NULL"};
    list.push_back({{"role", message.role}, {"content", message.text}});
  }
  if (options.max_tokens > 0) body["max_tokens"] = options.max_tokens;
  return stream_text(model, request_of("/v1/chat/completions", std::move(body)),
                     {Pointer("/choices/0/delta/content")}, on_text);
}

Result<std::vector<float>> embed(linnet_model& model, std::string_view text) {
  const auto reply = answer(model, request_of("/v1/embeddings", {{"input", text}}));
  if (!reply) return reply.error();
  if (reply->status >= 400) return error_of(*reply);
  return Json::parse(reply->body).at(Pointer("/data/0/embedding")).get<std::vector<float>>();
}

serve::ApiRequest to_request(std::string_view path, std::optional<std::string> body) {
  serve::ApiRequest request;
  request.method = body ? "POST" : "GET";
  const std::size_t end = std::min(path.find('?'), path.size());
  request.path = path.substr(0, end);
  if (end < path.size()) request.query = path.substr(end + 1);
  if (body) request.body = std::move(*body);
  return request;
}

Result<Reply> answer(linnet_model& model, serve::ApiRequest request, const OnEvent& on_event) {
  if (model.process != getpid())
    return Error{"the model belongs to another process, before fork()"};
  auto reply = model.api->handle(std::move(request), on_event);
  if (!reply) return reply;
  if (Status s = model.file->check_unchanged(); !s) return s.error();
  return reply;
}

}  // namespace linnet::library
