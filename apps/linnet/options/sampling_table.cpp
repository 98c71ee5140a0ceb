#include "linnet/options/sampling_table.hpp"

#include <fmt/format.h>

#include <charconv>
#include <tuple>

#include "generate/sampling/random_seed.hpp"

namespace linnet::app {
namespace {

// If `Number` is a whole one, what is after a point is an error.
template <class Number>
Result<Number> parse(std::string_view name, std::string_view text, Number low, Number high) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && stop == end && value >= low && value <= high) return value;
  return Error{fmt::format("{}: expected a {} from {} to {}, found {}", name,
                           std::is_integral_v<Number> ? "whole number" : "number", low, high,
                           text.empty() ? "nothing" : text)};
}

Result<double> parse_value(const SamplingParameter& parameter, std::string_view text) {
  const auto [name, low, high] = std::tuple(parameter.option, parameter.low, parameter.high);
  if (!parameter.is_whole()) return parse(name, text, low, high);
  const auto whole =
      parse(name, text, static_cast<std::int64_t>(low), static_cast<std::int64_t>(high));
  if (!whole) return whole.error();
  return static_cast<double>(*whole);
}

std::string all_names() {
  std::string names = "seed";
  for (const auto& parameter : kSamplingParameters) names += fmt::format(", {}", parameter.option);
  return names;
}

// "NAME VALUE"; nothing if the parameter is off.
std::string describe(const SamplingParameter& parameter, const SamplingParams& params) {
  const auto text = [&](auto member) {
    const bool is_off = params.*member == SamplingParams{}.*member;
    return is_off ? std::string() : fmt::format("{} {}", parameter.option, params.*member);
  };
  return std::visit(text, parameter.member);
}

}  // namespace

Status set_parameter(SamplingParams& params, std::string_view name, std::string_view text) {
  if (name == "seed") {
    const auto seed = text == "-1" ? Result<std::uint64_t>(random_seed())
                                   : parse(name, text, std::uint64_t{0}, UINT64_MAX);
    if (!seed) return seed.error();
    params.seed = seed_or_random(static_cast<std::int64_t>(*seed));
    return {};
  }
  for (const SamplingParameter& parameter : kSamplingParameters) {
    if (parameter.option != name) continue;
    const auto value = parse_value(parameter, text);
    if (!value) return value.error();
    assign(parameter, *value, params);
    return {};
  }
  return Error{fmt::format("there is no parameter {}; there are: {}", name, all_names())};
}

std::string describe_parameters(const SamplingParams& params) {
  std::string text;
  for (const SamplingParameter& parameter : kSamplingParameters) {
    // The temperature is told even if it is that of SamplingParams.
    const std::string one = parameter.option == "temp" ? fmt::format("temp {}", params.temperature)
                                                       : describe(parameter, params);
    if (!one.empty()) text += one + ", ";
  }
  return text + fmt::format("seed {}", params.seed);
}

}  // namespace linnet::app
