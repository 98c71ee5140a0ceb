#include "serve/requests/generation_options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

constexpr std::int64_t kMostChoices = 16;
constexpr std::size_t kMostStops = 16;
constexpr std::size_t kMostStopBytes = 256;

}  // namespace

std::vector<std::string> read_stops(Fields& fields, std::string_view name) {
  std::vector<std::string> stops;
  const Json* const field = fields.find(name);
  if (field && field->is_string()) {
    stops.push_back(field->get<std::string>());
  } else if (field && !field->is_array()) {
    fields.fail_type(name, "a string or an array", *field);
  } else {
    stops = fields.texts(name, kMostStops).value_or(std::vector<std::string>());
  }
  std::erase(stops, "");
  for (const std::string& stop : stops) {
    if (stop.size() <= kMostStopBytes) continue;
    fields.fail(name,
                fmt::format("at most {} bytes a string, found {}", kMostStopBytes, stop.size()));
  }
  return stops;
}

std::optional<std::int64_t> read_most_tokens(Fields& fields, std::string_view name) {
  const auto most = fields.integer(name, -2, kMostTokens);
  return most && *most >= 0 ? most : std::nullopt;
}

void read_length(Fields& fields, GenerationOptions& options) {
  // The last one is llama.cpp's.
  for (const char* const name : {"max_completion_tokens", "max_tokens", "n_predict"}) {
    const auto most = read_most_tokens(fields, name);
    if (options.max_tokens || options.takes_all_room) continue;
    options.max_tokens = most;
    options.takes_all_room = fields.has(name) && !most;
  }
}

GenerationOptions read_shared_options(Fields& fields, const ServedModel& model) {
  refuse_unsupported_generation(fields);
  GenerationOptions options;
  options.min_tokens = fields.integer("min_tokens", 0, kMostTokens).value_or(0);
  options.sampling = read_sampling(fields, model);
  options.lines.least_indent = fields.integer("n_indent", 0, kMostTokens).value_or(0);
  options.lines.most_time = std::chrono::milliseconds(std::max<std::int64_t>(  // -1: none
      0, fields.integer("t_max_predict_ms", -1, kMostTokens).value_or(0)));
  options.ignores_end_tokens = fields.boolean("ignore_eos", false);
  options.streams = fields.boolean("stream", false);
  options.streams_progress = fields.boolean("return_progress", false);
  options.streams_timings = fields.boolean("timings_per_token", false);
  return options;
}

GenerationOptions read_generation_options(Fields& fields, const ServedModel& model) {
  GenerationOptions options = read_shared_options(fields, model);
  read_length(fields, options);
  options.stops = read_stops(fields, "stop");
  for (const char* const name : {"n_cmpl", "n"}) {  // the first one is llama.cpp's
    options.choices = fields.integer(name, 1, kMostChoices).value_or(options.choices);
  }
  fields.with_object("stream_options", [&](Fields& stream_options) {
    options.streams_usage = stream_options.boolean("include_usage", false);
  });
  return options;
}

GenerateRequest make_generate_request(const ServedModel& model, const GenerationOptions& options,
                                      std::vector<TokenId> prompt, std::int64_t max_tokens,
                                      std::int64_t choice) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.min_tokens = options.min_tokens;
  request.top_logprobs = options.top_logprobs;
  request.sampling = options.sampling;
  request.sampling.seed += static_cast<std::uint64_t>(choice);
  // A text that is complete under a grammar can only end.
  if (!options.ignores_end_tokens || options.sampling.grammar) {
    request.stop_tokens = model.end_tokens;
  }
  return request;
}

}  // namespace linnet::serve
