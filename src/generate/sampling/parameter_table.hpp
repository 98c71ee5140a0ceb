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
                      "temperature; 0 takes the likeliest token"},
    SamplingParameter{"top-k", "top_k", "top_k", &SamplingParams::top_k, -1, kLargestCount,
                      "the likeliest so many; 0: all"},
    SamplingParameter{"top-p", "top_p", "top_p", &SamplingParams::top_p, 0, 1,
                      "the likeliest with this probability together"},
    SamplingParameter{"min-p", "min_p", "min_p", &SamplingParams::min_p, 0, 1,
                      "at least this part of the likeliest one's"},
    SamplingParameter{"typical-p", "typical_p", "", &SamplingParams::typical_p, 0, 1,
                      "the most typical with this probability"},
    SamplingParameter{"top-n-sigma", "top_n_sigma", "", &SamplingParams::top_n_sigma, 0, 100,
                      "logits within so many standard deviations of the highest; 0: off"},
    SamplingParameter{"dynatemp-range", "dynatemp_range", "", &SamplingParams::dynamic_range, 0,
                      100, "temperature +- this, by the model's certainty"},
    SamplingParameter{"dynatemp-exp", "dynatemp_exponent", "", &SamplingParams::dynamic_exponent, 0,
                      100, "exponent of the certainty"},
    SamplingParameter{"xtc-probability", "xtc_probability", "xtc_probability",
                      &SamplingParams::xtc_probability, 0, 1,
                      "how often the top choices are excluded"},
    SamplingParameter{"xtc-threshold", "xtc_threshold", "xtc_threshold",
                      &SamplingParams::xtc_threshold, 0, 1, "what makes a top choice"},
    SamplingParameter{"mirostat", "mirostat", "mirostat", &SamplingParams::mirostat, 0, 2,
                      "1 or 2: hold the surprise of the text instead of cutting"},
    SamplingParameter{"mirostat-tau", "mirostat_tau", "mirostat_tau", &SamplingParams::mirostat_tau,
                      0, 100, "surprise to hold, in bits"},
    SamplingParameter{"mirostat-eta", "mirostat_eta", "mirostat_eta", &SamplingParams::mirostat_eta,
                      0, 100, "how fast mirostat learns"},
    SamplingParameter{"repeat-penalty", "repeat_penalty", "penalty_repeat",
                      &SamplingParams::repeat_penalty, 0.01, 100,
                      "divides logits of what was said; 1: off"},
    SamplingParameter{"frequency-penalty", "frequency_penalty", "",
                      &SamplingParams::frequency_penalty, -100, 100,
                      "taken off for each time a token was said"},
    SamplingParameter{"presence-penalty", "presence_penalty", "", &SamplingParams::presence_penalty,
                      -100, 100, "taken off if a token was said"},
    SamplingParameter{"repeat-last-n", "repeat_last_n", "penalty_last_n",
                      &SamplingParams::penalty_window, -1, kLargestCount,
                      "tokens that penalties look back; -1: all"},
    SamplingParameter{"dry-multiplier", "dry_multiplier", "", &SamplingParams::dry_multiplier, 0,
                      100, "penalty on repeated phrases; 0: off"},
    SamplingParameter{"dry-base", "dry_base", "", &SamplingParams::dry_base, 1, 100,
                      "how it grows with their length"},
    SamplingParameter{"dry-allowed-length", "dry_allowed_length", "",
                      &SamplingParams::dry_allowed_length, -1, kLargestCount,
                      "longest phrase that may repeat unpunished"},
    SamplingParameter{"dry-penalty-last-n", "dry_penalty_last_n", "", &SamplingParams::dry_window,
                      -1, kLargestCount, "tokens that DRY looks back; -1: all"},
};

/// Sets the parameter to a value in its range.
void assign(const SamplingParameter& parameter, double value, SamplingParams& params);

}  // namespace linnet
