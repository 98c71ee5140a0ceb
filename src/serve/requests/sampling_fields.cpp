#include <fmt/format.h>

#include <array>
#include <charconv>
#include <random>

#include "generate/sampling/dry_breakers.hpp"
#include "serve/requests/generation_options.hpp"

namespace linnet::serve {
namespace {

using P = SamplingParams;

struct NumberField {
  std::string_view name;
  float P::*member;
  double low, high;
};
// OpenAI's fields, and the names that other servers of GGUF files have for the rest.
constexpr std::array kNumbers = {
    NumberField{"temperature", &P::temperature, 0, 100},
    NumberField{"dynatemp_range", &P::dynamic_range, 0, 100},
    NumberField{"dynatemp_exponent", &P::dynamic_exponent, 0, 100},
    NumberField{"top_p", &P::top_p, 0, 1},
    NumberField{"min_p", &P::min_p, 0, 1},
    NumberField{"typical_p", &P::typical_p, 0, 1},
    NumberField{"top_n_sigma", &P::top_n_sigma, 0, 100},
    NumberField{"xtc_probability", &P::xtc_probability, 0, 1},
    NumberField{"xtc_threshold", &P::xtc_threshold, 0, 1},
    NumberField{"mirostat_tau", &P::mirostat_tau, 0, 100},
    NumberField{"mirostat_eta", &P::mirostat_eta, 0, 100},
    NumberField{"repeat_penalty", &P::repeat_penalty, 0.01, 100},
    NumberField{"repetition_penalty", &P::repeat_penalty, 0.01, 100},
    NumberField{"frequency_penalty", &P::frequency_penalty, -100, 100},
    NumberField{"presence_penalty", &P::presence_penalty, -100, 100},
    NumberField{"dry_multiplier", &P::dry_multiplier, 0, 100},
    NumberField{"dry_base", &P::dry_base, 1, 100},
};

struct IntegerField {
  std::string_view name;
  std::int64_t P::*member;
};
// All of them: -1 or 0 for everything.
constexpr std::array kIntegers = {
    IntegerField{"top_k", &P::top_k},
    IntegerField{"repeat_last_n", &P::penalty_window},
    IntegerField{"dry_allowed_length", &P::dry_allowed_length},
    IntegerField{"dry_penalty_last_n", &P::dry_window},
};
constexpr std::size_t kMostBreakers = 16;
constexpr std::int64_t kMostTokensBack = std::int64_t{1} << 30;

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
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
  for (const NumberField& field : kNumbers) {
    if (const auto value = fields.number(field.name, field.low, field.high)) {
      params.*field.member = static_cast<float>(*value);
    }
  }
  for (const IntegerField& field : kIntegers) {
    if (const auto value = fields.integer(field.name, -1, kMostTokensBack)) {
      params.*field.member = *value;
    }
  }
  params.mirostat = static_cast<int>(fields.integer("mirostat", 0, 2).value_or(params.mirostat));
  const auto seed = fields.integer("seed", INT64_MIN, INT64_MAX);
  params.seed = seed ? static_cast<std::uint64_t>(*seed) : random_seed();
  params.dry_breakers = read_dry_breakers(fields, model, params);
  read_logit_bias(fields, model.tokenizer->vocabulary_size(), params);
  return params;
}

}  // namespace linnet::serve
