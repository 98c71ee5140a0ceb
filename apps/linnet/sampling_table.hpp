#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "generate/sampling/params.hpp"

namespace linnet::app {

/// A sampling parameter that is a number, as the option --NAME and as `/params NAME VALUE`.
struct NumberParameter {
  std::string_view name;
  float SamplingParams::*member;
  double low, high;
  std::string_view help;
};

struct IntegerParameter {
  std::string_view name;
  std::int64_t SamplingParams::*member;
  std::string_view help;
};

/// Of the integer parameters; -1 stands for all.
inline constexpr std::int64_t kLowestInteger = -1, kHighestInteger = std::int64_t{1} << 30;

inline constexpr std::array kNumberParameters = {
    NumberParameter{"temp", &SamplingParams::temperature, 0, 100,
                    "temperature; 0 takes the likeliest token"},
    NumberParameter{"dynatemp-range", &SamplingParams::dynamic_range, 0, 100,
                    "temperature +- this, by the model's certainty"},
    NumberParameter{"dynatemp-exp", &SamplingParams::dynamic_exponent, 0, 100,
                    "exponent of the certainty"},
    NumberParameter{"top-p", &SamplingParams::top_p, 0, 1,
                    "the likeliest with this probability together"},
    NumberParameter{"min-p", &SamplingParams::min_p, 0, 1,
                    "at least this part of the likeliest one's"},
    NumberParameter{"typical-p", &SamplingParams::typical_p, 0, 1,
                    "the most typical with this probability"},
    NumberParameter{"top-n-sigma", &SamplingParams::top_n_sigma, 0, 100,
                    "logits within so many standard deviations of the highest; 0: off"},
    NumberParameter{"xtc-probability", &SamplingParams::xtc_probability, 0, 1,
                    "how often the top choices are excluded"},
    NumberParameter{"xtc-threshold", &SamplingParams::xtc_threshold, 0, 1,
                    "what makes a top choice"},
    NumberParameter{"mirostat-tau", &SamplingParams::mirostat_tau, 0, 100,
                    "surprise to hold, in bits"},
    NumberParameter{"mirostat-eta", &SamplingParams::mirostat_eta, 0, 100,
                    "how fast mirostat learns"},
    NumberParameter{"repeat-penalty", &SamplingParams::repeat_penalty, 0.01, 100,
                    "divides logits of what was said; 1: off"},
    NumberParameter{"frequency-penalty", &SamplingParams::frequency_penalty, -100, 100,
                    "taken off for each time a token was said"},
    NumberParameter{"presence-penalty", &SamplingParams::presence_penalty, -100, 100,
                    "taken off if a token was said"},
    NumberParameter{"dry-multiplier", &SamplingParams::dry_multiplier, 0, 100,
                    "penalty on repeated phrases; 0: off"},
    NumberParameter{"dry-base", &SamplingParams::dry_base, 1, 100,
                    "how it grows with their length"},
};

inline constexpr std::array kIntegerParameters = {
    IntegerParameter{"top-k", &SamplingParams::top_k, "the likeliest so many; 0: all"},
    IntegerParameter{"repeat-last-n", &SamplingParams::penalty_window,
                     "tokens that penalties look back; -1: all"},
    IntegerParameter{"dry-allowed-length", &SamplingParams::dry_allowed_length,
                     "longest phrase that may repeat unpunished"},
    IntegerParameter{"dry-penalty-last-n", &SamplingParams::dry_window,
                     "tokens that DRY looks back; -1: all"},
};

/// Sets one parameter of the tables, or `mirostat` or `seed`. An Error names what may be set, or
/// the range.
Status set_parameter(SamplingParams& params, std::string_view name, std::string_view value);

/// The parameters that do something, as "temp 0.8, top-k 40, seed 7".
std::string describe_parameters(const SamplingParams& params);

}  // namespace linnet::app
