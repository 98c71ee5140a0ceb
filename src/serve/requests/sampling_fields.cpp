#include <fmt/format.h>

#include <algorithm>
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
constexpr int kLargestBias = 1'000'000;
constexpr std::size_t kMostBreakerBytes = 256;
constexpr std::size_t kMostBreakerRuns = 1 << 15;  // which each sequence keeps
constexpr std::size_t kMostBiasedBytes = 256;      // of a text whose tokens have a bias

void read_parameter(Fields& fields, std::string_view name, const SamplingParameter& parameter,
                    SamplingParams& params) {
  const auto [low, high] = std::pair(parameter.low, parameter.high);
  // Which is off in llama.cpp, whose clients send back what its server tells them.
  const Json* const field = fields.find(name);
  if (parameter.field == "top_n_sigma" && field && *field == -1) {
    return assign(parameter, 0.0, params);
  }
  if (!parameter.is_whole()) {
    if (const auto value = fields.number(name, low, high)) assign(parameter, *value, params);
    return;
  }
  const auto value =
      fields.integer(name, static_cast<std::int64_t>(low), static_cast<std::int64_t>(high));
  if (value) assign(parameter, static_cast<double>(*value), params);
}

// The number, or that it is never to come where it is false.
std::optional<float> bias_of(const Json& value) {
  if (value == false) return -std::numeric_limits<float>::infinity();
  if (!value.is_number() || std::abs(value.get<double>()) > kLargestBias) return std::nullopt;
  return value.get<float>();
}

// The token of an id, or all tokens of a text; none where it is neither.
std::vector<TokenId> biased_tokens(const Json& key, const Tokenizer& tokenizer) {
  if (key.is_string()) {
    const std::string& text = key.get_ref<const std::string&>();
    if (text.size() > kMostBiasedBytes) return {};
    auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = false});
    return ids ? std::move(*ids) : std::vector<TokenId>();
  }
  const auto vocabulary = static_cast<std::uint64_t>(tokenizer.vocabulary_size());
  if (!key.is_number_unsigned() || key.get<std::uint64_t>() >= vocabulary) return {};
  return {key.get<TokenId>()};
}

// Keys of objects are texts: one that is a number is an id.
Json bias_key(const std::string& key) {
  std::int64_t id = 0;
  const char* const end = key.data() + key.size();
  const auto read = std::from_chars(key.data(), end, id);
  if (read.ec != std::errc{} || read.ptr != end) return key;
  return id < 0 ? Json(id) : Json(static_cast<std::uint64_t>(id));
}

// [[50256, -100], [" God", false]] or {"50256": -100}, as llama.cpp's clients have it, too
void read_logit_bias(Fields& fields, const Tokenizer& tokenizer, SamplingParams& params) {
  const Json* const field = fields.find("logit_bias");
  const bool is_list = field && field->is_array();
  if (is_list ? !fields.array("logit_bias", kMostBiases) : !fields.object("logit_bias")) return;
  std::size_t i = 0;
  for (const auto& [name, value] : field->items()) {
    const std::string path = is_list ? fmt::format("logit_bias[{}]", i++) : "logit_bias." + name;
    const bool is_pair = !is_list || (value.is_array() && value.size() == 2);
    const auto bias = is_pair ? bias_of(is_list ? value[1] : value) : std::nullopt;
    std::vector<TokenId> ids;
    if (bias) ids = biased_tokens(is_list ? value[0] : bias_key(name), tokenizer);
    if (ids.empty()) {
      return fields.fail(
          path,
          fmt::format("expected a token id below {} or a text of at most {} bytes, and its "
                      "bias, -{} to {} or false",
                      tokenizer.vocabulary_size(), kMostBiasedBytes, kLargestBias, kLargestBias));
    }
    for (const TokenId id : ids) params.logit_bias.push_back({id, *bias});
  }
}

// Samplers that llama.cpp's clients may leave out, in the order in which they work.
struct NamedSampler {
  char letter;  ///< its name where `samplers` is a text
  std::string_view name;
  void (*switch_off)(SamplingParams& params);
};
constexpr std::array kNamedSamplers = {
    NamedSampler{'e', "penalties",
                 [](SamplingParams& params) {
                   params.repeat_penalty = 1.0f;
                   params.frequency_penalty = params.presence_penalty = 0.0f;
                 }},
    NamedSampler{'d', "dry", [](SamplingParams& params) { params.dry_multiplier = 0.0f; }},
    NamedSampler{'s', "top_n_sigma", [](SamplingParams& params) { params.top_n_sigma = 0.0f; }},
    NamedSampler{'k', "top_k", [](SamplingParams& params) { params.top_k = 0; }},
    NamedSampler{'y', "typ_p", [](SamplingParams& params) { params.typical_p = 1.0f; }},
    NamedSampler{'p', "top_p", [](SamplingParams& params) { params.top_p = 1.0f; }},
    NamedSampler{'m', "min_p", [](SamplingParams& params) { params.min_p = 0.0f; }},
    NamedSampler{'x', "xtc", [](SamplingParams& params) { params.xtc_probability = 0.0f; }},
    NamedSampler{'i', "infill", [](SamplingParams& params) { params.infill.reset(); }},
    NamedSampler{'t', "temperature",
                 [](SamplingParams& params) {
                   params.temperature = 1.0f;
                   params.dynamic_range = 0.0f;
                 }},
    NamedSampler{'a', "adaptive_p", [](SamplingParams& params) { params.adaptive_target = -1.0f; }},
};
// As llama.cpp's and vLLM's servers and Ollama have it, whose clients send it.
constexpr std::int64_t kRandomSeed = -1;

// "edkypmxt": a letter for each
std::vector<std::string> samplers_of_letters(Fields& fields, const std::string& letters) {
  std::vector<std::string> names;
  std::string known;
  for (const char letter : letters) {
    const auto sampler = std::ranges::find(kNamedSamplers, letter, &NamedSampler::letter);
    if (sampler != kNamedSamplers.end()) names.emplace_back(sampler->name);
    if (sampler == kNamedSamplers.end()) {
      for (const NamedSampler& of : kNamedSamplers) known += of.letter;
      fields.fail("samplers", fmt::format("expected some of the letters {}, found {}", known,
                                          shortened(letters)));
      break;
    }
  }
  return names;
}

// Those that take part, in their order; the others are switched off. Editors name `infill`, which
// is off where nobody does.
void read_samplers(Fields& fields, const Tokenizer& tokenizer, SamplingParams& params) {
  const Json* const field = fields.find("samplers");
  const bool is_text = field && field->is_string();
  auto names = is_text ? samplers_of_letters(fields, field->get_ref<const std::string&>())
                       : fields.texts("samplers", 32);
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
  const auto is_long = [](const std::string& text) { return text.size() > kMostBreakerBytes; };
  if (texts && std::ranges::any_of(*texts, is_long)) {
    fields.fail("dry_sequence_breakers",
                fmt::format("expected texts of at most {} bytes", kMostBreakerBytes));
    return {};
  }
  if (!texts) return model.dry_breakers;
  DryBreakers breakers = find_breakers(*model.tokenizer, *texts);
  if (breakers.runs.size() > kMostBreakerRuns) {
    fields.fail("dry_sequence_breakers",
                fmt::format("expected texts that begin in at most {} tokens of the vocabulary",
                            kMostBreakerRuns));
  }
  return breakers;
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
  params.seed = seed_or_random(fields.integer("seed", INT64_MIN, INT64_MAX).value_or(kRandomSeed));
  read_samplers(fields, *model.tokenizer, params);
  params.dry_breakers = read_dry_breakers(fields, model, params);
  read_logit_bias(fields, *model.tokenizer, params);
  return params;
}

}  // namespace linnet::serve
