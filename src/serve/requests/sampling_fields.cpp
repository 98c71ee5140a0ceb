#include <fmt/format.h>

#include <charconv>
#include <random>

#include "generate/sampling/dry_breakers.hpp"
#include "generate/sampling/parameter_table.hpp"
#include "serve/requests/generation_options.hpp"

namespace linnet::serve {
namespace {

constexpr std::size_t kMostBreakers = 16;

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

void read_parameter(Fields& fields, std::string_view name, const SamplingParameter& parameter,
                    SamplingParams& params) {
  const auto [low, high] = std::pair(parameter.low, parameter.high);
  if (!parameter.is_whole()) {
    if (const auto value = fields.number(name, low, high)) assign(parameter, *value, params);
    return;
  }
  const auto value =
      fields.integer(name, static_cast<std::int64_t>(low), static_cast<std::int64_t>(high));
  if (value) assign(parameter, static_cast<double>(*value), params);
}

// {"50256": -100}
void read_logit_bias(Fields& fields, std::int64_t vocabulary, SamplingParams& params) {
  const Json* const biases = fields.object("logit_bias");
  if (!biases) return;
  Fields values(*biases, "logit_bias");
  for (const auto& [key, value] : biases->items()) {
    LogitBias bias;
    const char* const end = key.data() + key.size();
    const auto read = std::from_chars(key.data(), end, bias.token);
    if (read.ec != std::errc{} || read.ptr != end || bias.token < 0 || bias.token >= vocabulary) {
      values.fail(key, fmt::format("the field's name must be a token id below {}", vocabulary));
      break;
    }
    bias.bias = static_cast<float>(values.number(key, -100, 100).value_or(0.0));
    params.logit_bias.push_back(bias);
  }
  fields.take_error(values);
}

std::vector<TokenId> read_dry_breakers(Fields& fields, const ServedModel& model,
                                       const SamplingParams& params) {
  const auto texts = fields.texts("dry_sequence_breakers", kMostBreakers);
  if (params.dry_multiplier <= 0.0f || fields.error()) return {};
  return texts ? tokens_with(*model.tokenizer, *texts) : model.dry_breakers;
}

}  // namespace

SamplingParams read_sampling(Fields& fields, const ServedModel& model) {
  SamplingParams params = model.sampling;
  for (const SamplingParameter& parameter : kSamplingParameters) {
    read_parameter(fields, parameter.field, parameter, params);
    // As vLLM calls it.
    if (parameter.field == "repeat_penalty") {
      read_parameter(fields, "repetition_penalty", parameter, params);
    }
  }
  const auto seed = fields.integer("seed", INT64_MIN, INT64_MAX);
  params.seed = seed ? static_cast<std::uint64_t>(*seed) : random_seed();
  params.dry_breakers = read_dry_breakers(fields, model, params);
  read_logit_bias(fields, model.tokenizer->vocabulary_size(), params);
  return params;
}

void draw_seed_of_minus_one(const Fields& fields, SamplingParams& sampling) {
  const Json* const seed = fields.find("seed");
  if (seed && *seed == -1) sampling.seed = random_seed();
}

}  // namespace linnet::serve
