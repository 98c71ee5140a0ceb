#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "generate/sampling/params.hpp"

namespace linnet::app {

/// A sampling parameter, as the option --NAME and as `/params NAME VALUE`.
struct SamplingParameter {
  std::string_view name;
  std::variant<float SamplingParams::*, int SamplingParams::*, std::int64_t SamplingParams::*>
      member;
  double low, high;
  std::string_view help;

  bool is_whole() const { return !std::holds_alternative<float SamplingParams::*>(member); }
};

inline constexpr double kLargestCount = 1 << 30;

inline constexpr std::array kSamplingParameters = {
    SamplingParameter{"temp", &SamplingParams::temperature, 0, 100,
                      "temperature; 0 takes the likeliest token"},
    SamplingParameter{"top-k", &SamplingParams::top_k, -1, kLargestCount,
                      "the likeliest so many; 0: all"},
    SamplingParameter{"top-p", &SamplingParams::top_p, 0, 1,
                      "the likeliest with this probability together"},
    SamplingParameter{"min-p", &SamplingParams::min_p, 0, 1,
                      "at least this part of the likeliest one's"},
    SamplingParameter{"typical-p", &SamplingParams::typical_p, 0, 1,
                      "the most typical with this probability"},
    SamplingParameter{"top-n-sigma", &SamplingParams::top_n_sigma, 0, 100,
                      "logits within so many standard deviations of the highest; 0: off"},
    SamplingParameter{"dynatemp-range", &SamplingParams::dynamic_range, 0, 100,
                      "temperature +- this, by the model's certainty"},
    SamplingParameter{"dynatemp-exp", &SamplingParams::dynamic_exponent, 0, 100,
                      "exponent of the certainty"},
    SamplingParameter{"xtc-probability", &SamplingParams::xtc_probability, 0, 1,
                      "how often the top choices are excluded"},
    SamplingParameter{"xtc-threshold", &SamplingParams::xtc_threshold, 0, 1,
                      "what makes a top choice"},
    SamplingParameter{"mirostat", &SamplingParams::mirostat, 0, 2,
                      "1 or 2: hold the surprise of the text instead of cutting"},
    SamplingParameter{"mirostat-tau", &SamplingParams::mirostat_tau, 0, 100,
                      "surprise to hold, in bits"},
    SamplingParameter{"mirostat-eta", &SamplingParams::mirostat_eta, 0, 100,
                      "how fast mirostat learns"},
    SamplingParameter{"repeat-penalty", &SamplingParams::repeat_penalty, 0.01, 100,
                      "divides logits of what was said; 1: off"},
    SamplingParameter{"frequency-penalty", &SamplingParams::frequency_penalty, -100, 100,
                      "taken off for each time a token was said"},
    SamplingParameter{"presence-penalty", &SamplingParams::presence_penalty, -100, 100,
                      "taken off if a token was said"},
    SamplingParameter{"repeat-last-n", &SamplingParams::penalty_window, -1, kLargestCount,
                      "tokens that penalties look back; -1: all"},
    SamplingParameter{"dry-multiplier", &SamplingParams::dry_multiplier, 0, 100,
                      "penalty on repeated phrases; 0: off"},
    SamplingParameter{"dry-base", &SamplingParams::dry_base, 1, 100,
                      "how it grows with their length"},
    SamplingParameter{"dry-allowed-length", &SamplingParams::dry_allowed_length, -1, kLargestCount,
                      "longest phrase that may repeat unpunished"},
    SamplingParameter{"dry-penalty-last-n", &SamplingParams::dry_window, -1, kLargestCount,
                      "tokens that DRY looks back; -1: all"},
};

/// Sets the parameter to a value in its range.
void assign(const SamplingParameter& parameter, double value, SamplingParams& params);

/// Sets one parameter of the table, or `seed`. An Error names what may be set, or
/// the range.
Status set_parameter(SamplingParams& params, std::string_view name, std::string_view value);

/// The parameters that do something, as "temp 0.8, top-k 40, seed 7".
std::string describe_parameters(const SamplingParams& params);

}  // namespace linnet::app
