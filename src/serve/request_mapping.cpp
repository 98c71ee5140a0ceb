#include "serve/request_mapping.hpp"

#include <fmt/format.h>

#include <array>
#include <random>

namespace linnet::serve {
namespace {

constexpr std::int64_t kMostTokens = std::int64_t{1} << 30;
constexpr std::int64_t kMostChoices = 16;
constexpr std::size_t kMostStops = 16;
constexpr std::size_t kMostStopBytes = 256;

// Fields of OpenAI's API that are not there yet, and the numbers that ask for nothing.
struct Missing {
  std::string_view name;
  double neutral;
};
constexpr std::array kMissing = {
    Missing{"top_p", 1.0},
    Missing{"presence_penalty", 0.0},
    Missing{"frequency_penalty", 0.0},
    Missing{"top_k", 0.0},
    Missing{"min_p", 0.0},
    Missing{"repeat_penalty", 1.0},
    Missing{"typical_p", 1.0},
    Missing{"logprobs", 0.0},
    Missing{"top_logprobs", 0.0},
    Missing{"best_of", 1.0},
    Missing{"logit_bias", 0.0},
    Missing{"suffix", 0.0},
    Missing{"grammar", 0.0},
};

bool asks_for_nothing(const Json& value, double neutral) {
  if (value.is_number()) return value.get<double>() == neutral;
  if (value.is_boolean()) return !value.get<bool>();
  return (value.is_object() || value.is_array() || value.is_string()) &&
         (value.empty() || value == "");
}

void refuse_what_is_missing(Fields& fields) {
  for (const Missing& missing : kMissing) {
    const Json* const value = fields.find(missing.name);
    if (value && !asks_for_nothing(*value, missing.neutral)) {
      fields.fail(missing.name, "this server does not support it yet");
    }
  }
  const Json* const format = fields.object("response_format");
  if (format && format->value("type", Json("text")) != "text") {
    fields.fail("response_format", "this server supports only the type text yet");
  }
}

void read_stops(Fields& fields, std::vector<std::string>& stops) {
  const Json* const field = fields.find("stop");
  if (!field) return;
  if (field->is_string()) {
    if (*field != "") stops.push_back(field->get<std::string>());
  } else if (const Json* const list = fields.array("stop", kMostStops)) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      const Json& stop = (*list)[i];
      if (!stop.is_string()) return fields.fail_type(fmt::format("stop[{}]", i), "a string", stop);
      if (stop != "") stops.push_back(stop.get<std::string>());
    }
  }
  for (const std::string& stop : stops) {
    if (stop.size() > kMostStopBytes) {
      fields.fail("stop",
                  fmt::format("at most {} bytes a string, found {}", kMostStopBytes, stop.size()));
    }
  }
}

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

GenerationOptions read_generation_options(Fields& fields) {
  GenerationOptions options;
  options.max_tokens = fields.integer("max_completion_tokens", 1, kMostTokens);
  if (!options.max_tokens) options.max_tokens = fields.integer("max_tokens", 1, kMostTokens);
  options.sampling.temperature =
      static_cast<float>(fields.number("temperature", 0.0, 100.0).value_or(1.0));
  const auto seed = fields.integer("seed", INT64_MIN, INT64_MAX);
  options.sampling.seed = seed ? static_cast<std::uint64_t>(*seed) : random_seed();
  options.choices = fields.integer("n", 1, kMostChoices).value_or(1);
  options.ignores_end_tokens = fields.boolean("ignore_eos", false);
  options.streams = fields.boolean("stream", false);
  read_stops(fields, options.stops);
  if (const Json* const stream_options = fields.object("stream_options")) {
    const auto found = stream_options->find("include_usage");
    options.streams_usage = found != stream_options->end() && *found == true;
  }
  refuse_what_is_missing(fields);
  return options;
}

GenerateRequest make_generate_request(const ServedModel& model, const GenerationOptions& options,
                                      std::vector<TokenId> prompt, std::int64_t max_tokens,
                                      std::int64_t choice) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling = options.sampling;
  request.sampling.seed += static_cast<std::uint64_t>(choice);
  if (!options.ignores_end_tokens) request.stop_tokens = model.end_tokens;
  return request;
}

}  // namespace linnet::serve
