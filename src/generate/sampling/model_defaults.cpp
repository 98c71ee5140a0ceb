#include "generate/sampling/model_defaults.hpp"

#include <fmt/format.h>

#include <array>

namespace linnet {
namespace {

// https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py, Keys.General
struct NumberKey {
  const char* key;
  float SamplingParams::*member;
  double low, high;
};
constexpr std::array kNumbers = {
    NumberKey{"general.sampling.temp", &SamplingParams::temperature, 0.0, 100.0},
    NumberKey{"general.sampling.top_p", &SamplingParams::top_p, 0.0, 1.0},
    NumberKey{"general.sampling.min_p", &SamplingParams::min_p, 0.0, 1.0},
    NumberKey{"general.sampling.xtc_probability", &SamplingParams::xtc_probability, 0.0, 1.0},
    NumberKey{"general.sampling.xtc_threshold", &SamplingParams::xtc_threshold, 0.0, 1.0},
    NumberKey{"general.sampling.penalty_repeat", &SamplingParams::repeat_penalty, 0.01, 100.0},
    NumberKey{"general.sampling.mirostat_tau", &SamplingParams::mirostat_tau, 0.0, 100.0},
    NumberKey{"general.sampling.mirostat_eta", &SamplingParams::mirostat_eta, 0.0, 100.0},
};

struct IntegerKey {
  const char* key;
  std::int64_t low, high;
  void (*set)(SamplingParams& params, std::int64_t value);
};
constexpr std::array kIntegers = {
    IntegerKey{"general.sampling.top_k", -1, 1 << 30,
               [](SamplingParams& params, std::int64_t value) { params.top_k = value; }},
    IntegerKey{"general.sampling.penalty_last_n", -1, 1 << 30,
               [](SamplingParams& params, std::int64_t value) { params.penalty_window = value; }},
    IntegerKey{"general.sampling.mirostat", 0, 2,
               [](SamplingParams& params, std::int64_t value) {
                 params.mirostat = static_cast<int>(value);
               }},
};

}  // namespace

Result<SamplingParams> model_sampling_defaults(const gguf::File& file) {
  SamplingParams params;
  const auto outside = [&](const char* key, const auto& value, const auto& low, const auto& high) {
    return Error{fmt::format("{}: {} is {}, expected {} to {}", file.path().string(), key, value,
                             low, high)};
  };
  for (const NumberKey& entry : kNumbers) {
    const auto value = file.number(entry.key);
    if (!value) return value.error();
    if (!*value) continue;
    if (**value < entry.low || **value > entry.high) {
      return outside(entry.key, **value, entry.low, entry.high);
    }
    params.*entry.member = static_cast<float>(**value);
  }
  for (const IntegerKey& entry : kIntegers) {
    const auto value = file.integer(entry.key);
    if (!value) return value.error();
    if (!*value) continue;
    if (**value < entry.low || **value > entry.high) {
      return outside(entry.key, **value, entry.low, entry.high);
    }
    entry.set(params, **value);
  }
  return params;
}

}  // namespace linnet
