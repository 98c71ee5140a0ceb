#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

#include "generate/sampling/params.hpp"

namespace linnet {

/// A number of SamplingParams that users may set, and its names: the one of a command line
/// (`--NAME`), the one of a field in the API, and the key `general.sampling.KEY` where GGUF has
/// one.
struct SamplingParameter {
  std::string_view option, field, key;
  std::variant<float SamplingParams::*, int SamplingParams::*, std::int64_t SamplingParams::*>
      member;
  double low, high;
  std::string_view help;

  bool is_whole() const { return !std::holds_alternative<float SamplingParams::*>(member); }
};

inline constexpr double kLargestCount = 1 << 30;

/// Keys: https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py, Keys.General
inline constexpr std::array kSamplingParameters = {
    SamplingParameter{"temp", "temperature", "temp", &SamplingParams::temperature, 0, 100,
                      "temperature; 0: always the likeliest token"},
    SamplingParameter{"top-k", "top_k", "top_k", &SamplingParams::top_k, -1, kLargestCount,
                      "keep this many of the likeliest tokens; 0: all"},
    SamplingParameter{"top-p", "top_p", "top_p", &SamplingParams::top_p, 0, 1,
                      "keep the likeliest tokens that together have this probability; 1: all"},
    SamplingParameter{
        "min-p", "min_p", "min_p", &SamplingParams::min_p, 0, 1,
        "keep tokens that have at least this part of the likeliest one's probability; 0: all"},
    SamplingParameter{"typical-p", "typical_p", "", &SamplingParams::typical_p, 0, 1,
                      "keep the most typical tokens that together have this probability; 1: all"},
    SamplingParameter{"top-n-sigma", "top_n_sigma", "", &SamplingParams::top_n_sigma, 0, 100,
                      "keep logits within this many standard deviations of the highest; 0: all"},
    SamplingParameter{"dynatemp-range", "dynatemp_range", "", &SamplingParams::dynamic_range, 0,
                      100, "temperature +- this, depending on how certain the model is; 0: off"},
    SamplingParameter{"dynatemp-exp", "dynatemp_exponent", "", &SamplingParams::dynamic_exponent, 0,
                      100, "exponent of the certainty (default: 1)"},
    SamplingParameter{"xtc-probability", "xtc_probability", "xtc_probability",
                      &SamplingParams::xtc_probability, 0, 1,
                      "how often the top choices but for the last are removed; 0: never"},
    SamplingParameter{"xtc-threshold", "xtc_threshold", "xtc_threshold",
                      &SamplingParams::xtc_threshold, 0, 1,
                      "probability that makes a token a top choice (default: 0.1)"},
    SamplingParameter{
        "mirostat", "mirostat", "mirostat", &SamplingParams::mirostat, 0, 2,
        "1 or 2: keep the surprise of the text steady, instead of cutting as above; 0: off"},
    SamplingParameter{"mirostat-tau", "mirostat_tau", "mirostat_tau", &SamplingParams::mirostat_tau,
                      0, 100, "surprise to keep, in bits (default: 5)"},
    SamplingParameter{"mirostat-eta", "mirostat_eta", "mirostat_eta", &SamplingParams::mirostat_eta,
                      0, 100, "how fast mirostat adapts (default: 0.1)"},
    SamplingParameter{"adaptive-target", "adaptive_target", "", &SamplingParams::adaptive_target,
                      -1, 1, "prefer tokens of about this probability; below 0: off (default: -1)"},
    SamplingParameter{"adaptive-decay", "adaptive_decay", "", &SamplingParams::adaptive_decay, 0,
                      0.99, "how much earlier tokens count for that (default: 0.9)"},
    SamplingParameter{"repeat-penalty", "repeat_penalty", "penalty_repeat",
                      &SamplingParams::repeat_penalty, 0.01, 100,
                      "penalty on tokens that were said: divides their logits; 1: off"},
    SamplingParameter{"frequency-penalty", "frequency_penalty", "",
                      &SamplingParams::frequency_penalty, -100, 100,
                      "subtracted from a logit for each time its token was said; 0: off"},
    SamplingParameter{"presence-penalty", "presence_penalty", "", &SamplingParams::presence_penalty,
                      -100, 100, "subtracted from a logit if its token was said; 0: off"},
    SamplingParameter{"repeat-last-n", "repeat_last_n", "penalty_last_n",
                      &SamplingParams::penalty_window, -1, kLargestCount,
                      "how many tokens these penalties look back; -1: all (default: 64)"},
    SamplingParameter{"dry-multiplier", "dry_multiplier", "", &SamplingParams::dry_multiplier, 0,
                      100, "penalty on repeated phrases; 0: off"},
    SamplingParameter{"dry-base", "dry_base", "", &SamplingParams::dry_base, 1, 100,
                      "how fast that grows with their length (default: 1.75)"},
    SamplingParameter{"dry-allowed-length", "dry_allowed_length", "",
                      &SamplingParams::dry_allowed_length, 0, kLargestCount,
                      "longest phrase in tokens that may repeat without it (default: 2)"},
    SamplingParameter{"dry-penalty-last-n", "dry_penalty_last_n", "", &SamplingParams::dry_window,
                      -1, kLargestCount, "how many tokens DRY looks back; -1: all (default: -1)"},
};

/// Sets the parameter to a value in its range.
void assign(const SamplingParameter& parameter, double value, SamplingParams& params);

}  // namespace linnet
