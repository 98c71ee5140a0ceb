#include "serve/requests/response_request.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/utf8.hpp"
#include "serve/requests/response_input.hpp"
#include "serve/requests/thinking_fields.hpp"
#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

constexpr std::int64_t kMostTopLogprobs = 20;

Json function_of(Fields& tool) {
  const bool is_function = tool.required_text("type") == "function";
  return is_function ? read_flat_function(tool, "parameters") : Json(nullptr);
}

TextConstraint read_text_format(Fields& fields, std::vector<std::string>& warnings) {
  const Json* format = nullptr;
  fields.with_object("text", [&](Fields& text) {
    format = text.object("format");
    read_verbosity(text, warnings);
  });
  return read_text_constraint(fields, format, "text.format");
}

constexpr std::string_view kIncludedLogprobs = "message.output_text.logprobs";

// What an answer may include by OpenAI's API. All but the log probabilities belong to tools, or to
// a form of the thinking, that no answer of this server has.
constexpr std::array<std::string_view, 8> kIncluded = {kIncludedLogprobs,
                                                       "code_interpreter_call.outputs",
                                                       "computer_call_output.output.image_url",
                                                       "file_search_call.results",
                                                       "message.input_image.image_url",
                                                       "reasoning.encrypted_content",
                                                       "web_search_call.action.sources",
                                                       "web_search_call.results"};

void read_logprobs(Fields& fields, GenerationOptions& options) {
  const auto included = fields.texts("include", 64).value_or(std::vector<std::string>());
  for (const std::string& what : included) {
    if (std::ranges::find(kIncluded, what) != kIncluded.end()) continue;
    fields.fail("include", fmt::format("expected one of {}, found {}", fmt::join(kIncluded, ", "),
                                       shortened(what)));
  }
  const auto top = fields.integer("top_logprobs", 0, kMostTopLogprobs);
  const bool wanted = std::ranges::find(included, kIncludedLogprobs) != included.end();
  if (wanted || top.value_or(0) > 0) options.top_logprobs = top.value_or(0);
}

GenerationOptions read_options(Fields& fields, const ServedModel& model) {
  GenerationOptions options = read_shared_options(fields, model);
  options.max_tokens = fields.integer("max_output_tokens", 1, kMostTokens);
  options.stops = read_stops(fields, "stop");
  fields.integer("n", 1, 1);
  read_logprobs(fields, options);
  return options;
}

Json or_null(const Fields& fields, std::string_view name) {
  const Json* const field = fields.find(name);
  return field ? *field : Json(nullptr);
}

// What an answer repeats is kept as JSON as long as it takes, which is many times its text.
void check_repeated(Fields& fields) {
  constexpr std::size_t kMostBytes = 1 << 20;
  for (const char* const name : {"metadata", "reasoning", "text", "tool_choice", "tools", "user"}) {
    const Json* const field = fields.find(name);
    const std::size_t size = field ? json_text(*field).size() : 0;
    if (size > kMostBytes)
      fields.fail(name, fmt::format("at most {} bytes, found {}", kMostBytes, size));
  }
}

Json settings_of(const Fields& fields, const ResponseFields& response) {
  Json settings;
  for (const char* const name : {"instructions", "max_output_tokens", "user"}) {
    settings[name] = or_null(fields, name);
  }
  const Json* const metadata = fields.find("metadata");
  const Json* const tools = fields.find("tools");
  const Json* const choice = fields.find("tool_choice");
  const Json* const text = fields.find("text");
  const Json* const reasoning = fields.find("reasoning");
  settings["metadata"] = metadata ? *metadata : Json::object();
  settings["parallel_tool_calls"] = response.chat.choice.parallel;
  settings["previous_response_id"] = nullptr;
  settings["reasoning"] = reasoning ? *reasoning : Json{{"effort", nullptr}, {"summary", nullptr}};
  settings["store"] = false;
  settings["temperature"] = response.options.sampling.temperature;
  settings["top_p"] = response.options.sampling.top_p;
  settings["text"] = text ? *text : Json{{"format", {{"type", "text"}}}};
  settings["tool_choice"] = choice ? *choice : Json("auto");
  settings["tools"] = tools ? *tools : Json::array();
  settings["truncation"] = "disabled";
  return settings;
}

// Responses are not kept, and nothing is ever cut from an input.
void refuse_what_is_not_there(Fields& fields) {
  if (fields.has("previous_response_id")) {
    fields.fail("previous_response_id",
                "this server keeps no responses; send the earlier items in input");
  }
  if (fields.has("conversation")) {
    fields.fail("conversation", "this server keeps no conversations; send the items in input");
  }
  if (fields.boolean("background", false)) {
    fields.fail("background", "this server keeps no responses to be fetched later");
  }
  if (fields.has("prompt")) {
    fields.fail("prompt", "this server keeps no prompts; send the text in instructions and input");
  }
  static constexpr std::array kUnsupported = {
      UnsupportedField{"context_management", "nothing is ever left out of an input or summed up"}};
  refuse_unsupported(fields, kUnsupported);
  // "auto" lets the server leave out what does not fit; this one never does.
  static constexpr std::array<std::string_view, 2> kTruncations = {"auto", "disabled"};
  fields.one_of("truncation", kTruncations, "disabled");
}

}  // namespace

ResponseFields read_response_fields(Fields& fields, const ServedModel& model) {
  ResponseFields response;
  refuse_what_is_not_there(fields);
  response.options = read_options(fields, model);
  response.constraint = read_text_format(fields, response.chat.warnings);
  ChatRequest& chat = response.chat.request;
  MediaParts media;
  chat.messages = read_response_input(fields, media);
  response.chat.media = media.take();
  read_tools(fields, function_of, response.chat);
  read_thinking_fields(fields, response.chat);
  check_repeated(fields);
  read_tool_choice(fields, response.chat);
  response.chat.choice.parallel = fields.boolean("parallel_tool_calls", true);
  if (!fields.error()) response.settings = settings_of(fields, response);
  return response;
}

}  // namespace linnet::serve
