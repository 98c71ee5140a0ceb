#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/utf8.hpp"
#include "generate/sampling/dry_breakers.hpp"
#include "generate/sampling/parameter_table.hpp"
#include "generate/sampling/random_seed.hpp"
#include "serve/requests/generation_options.hpp"

namespace linnet::serve {
namespace {

constexpr std::size_t kMostBreakers = 16;
constexpr std::size_t kMostBiases = 1024;  // as an object has members
constexpr float kLargestBias = 1e6f;

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

// A token and its bias, or false where it is never to come.
std::optional<LogitBias> bias_of(const Json& pair, std::int64_t vocabulary) {
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned()) return std::nullopt;
  if (pair[0].get<std::uint64_t>() >= static_cast<std::uint64_t>(vocabulary)) return std::nullopt;
  LogitBias bias{pair[0].get<TokenId>(), -std::numeric_limits<float>::infinity()};
  if (pair[1].is_number()) bias.bias = pair[1].get<float>();
  if (pair[1].is_number() && std::abs(bias.bias) > kLargestBias) return std::nullopt;
  if (!pair[1].is_number() && pair[1] != false) return std::nullopt;
  return bias;
}

// [[50256, -100], [2, false]], as llama.cpp's clients have it
void read_bias_pairs(Fields& fields, const Json& pairs, std::int64_t vocabulary,
                     SamplingParams& params) {
  if (!fields.array("logit_bias", kMostBiases)) return;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto bias = bias_of(pairs[i], vocabulary);
    if (!bias) {
      return fields.fail(
          fmt::format("logit_bias[{}]", i),
          fmt::format("expected a token id below {} and its bias or false", vocabulary));
    }
    params.logit_bias.push_back(*bias);
  }
}

// {"50256": -100}
void read_logit_bias(Fields& fields, std::int64_t vocabulary, SamplingParams& params) {
  const Json* const field = fields.find("logit_bias");
  if (field && field->is_array()) return read_bias_pairs(fields, *field, vocabulary, params);
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

// Samplers that llama.cpp's clients may leave out, in the order in which they work.
struct NamedSampler {
  std::string_view name;
  void (*switch_off)(SamplingParams& params);
};
constexpr std::array kNamedSamplers = {
    NamedSampler{"penalties",
                 [](SamplingParams& params) {
                   params.repeat_penalty = 1.0f;
                   params.frequency_penalty = params.presence_penalty = 0.0f;
                 }},
    NamedSampler{"dry", [](SamplingParams& params) { params.dry_multiplier = 0.0f; }},
    NamedSampler{"top_n_sigma", [](SamplingParams& params) { params.top_n_sigma = 0.0f; }},
    NamedSampler{"top_k", [](SamplingParams& params) { params.top_k = 0; }},
    NamedSampler{"typ_p", [](SamplingParams& params) { params.typical_p = 1.0f; }},
    NamedSampler{"top_p", [](SamplingParams& params) { params.top_p = 1.0f; }},
    NamedSampler{"min_p", [](SamplingParams& params) { params.min_p = 0.0f; }},
    NamedSampler{"xtc", [](SamplingParams& params) { params.xtc_probability = 0.0f; }},
    NamedSampler{"infill", [](SamplingParams& params) { params.infill.reset(); }},
    NamedSampler{"temperature",
                 [](SamplingParams& params) {
                   params.temperature = 1.0f;
                   params.dynamic_range = 0.0f;
                 }},
};
// As llama.cpp's and vLLM's servers and Ollama have it, whose clients send it.
constexpr std::int64_t kRandomSeed = -1;
// llama.cpp's own default, which its clients give back.
constexpr std::int64_t kDefaultSeed = 0xFFFFFFFF;

// Those that take part, in their order; the others are switched off. Editors name `infill`, which
// is off where nobody does.
void read_samplers(Fields& fields, const Tokenizer& tokenizer, SamplingParams& params) {
  auto names = fields.texts("samplers", 32);
  if (!names) return;
  params.infill = InfillSampling{
      [&tokenizer](TokenId token) { return tokenizer.token_bytes(token, /*show_special=*/false); }};
  auto next = names->begin();
  std::string order;
  for (const NamedSampler& sampler : kNamedSamplers) {
    order += (order.empty() ? "" : ", ") + std::string(sampler.name);
    const bool is_named = next != names->end() && *next == sampler.name;
    if (is_named) ++next;
    if (!is_named) sampler.switch_off(params);
  }
  if (next == names->end()) return;
  fields.fail("samplers", fmt::format("expected some of {} in this order, found {} out of it",
                                      order, shortened(*next)));
}

DryBreakers read_dry_breakers(Fields& fields, const ServedModel& model,
                              const SamplingParams& params) {
  const auto texts = fields.texts("dry_sequence_breakers", kMostBreakers);
  if (params.dry_multiplier <= 0.0f || fields.error()) return {};
  return texts ? find_breakers(*model.tokenizer, *texts) : model.dry_breakers;
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
  const std::int64_t seed = fields.integer("seed", INT64_MIN, INT64_MAX).value_or(kRandomSeed);
  const bool is_random = seed == kRandomSeed || seed == kDefaultSeed;
  params.seed = is_random ? random_seed() : static_cast<std::uint64_t>(seed);
  read_samplers(fields, *model.tokenizer, params);
  params.dry_breakers = read_dry_breakers(fields, model, params);
  read_logit_bias(fields, model.tokenizer->vocabulary_size(), params);
  return params;
}

}  // namespace linnet::serve
