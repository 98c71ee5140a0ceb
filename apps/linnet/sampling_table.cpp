#include "linnet/sampling_table.hpp"

#include <fmt/format.h>

#include <charconv>

namespace linnet::app {
namespace {

template <class Number>
bool parse(std::string_view text, Number& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end;
}

template <class Number>
Status set_between(std::string_view name, std::string_view text, Number low, Number high,
                   auto& member) {
  Number value{};
  if (!parse(text, value) || !(value >= low && value <= high)) {
    return Error{fmt::format("{}: expected a number from {} to {}, found {}", name, low, high,
                             text.empty() ? "nothing" : text)};
  }
  member = static_cast<std::remove_reference_t<decltype(member)>>(value);
  return {};
}

std::string all_names() {
  std::string names = "seed, mirostat";
  for (const auto& parameter : kNumberParameters) names += fmt::format(", {}", parameter.name);
  for (const auto& parameter : kIntegerParameters) names += fmt::format(", {}", parameter.name);
  return names;
}

}  // namespace

Status set_parameter(SamplingParams& params, std::string_view name, std::string_view value) {
  for (const NumberParameter& p : kNumberParameters) {
    if (p.name == name) return set_between(name, value, p.low, p.high, params.*p.member);
  }
  for (const IntegerParameter& p : kIntegerParameters) {
    if (p.name != name) continue;
    return set_between(name, value, kLowestInteger, kHighestInteger, params.*p.member);
  }
  if (name == "mirostat") return set_between(name, value, 0, 2, params.mirostat);
  if (name == "seed") return set_between(name, value, std::uint64_t{0}, UINT64_MAX, params.seed);
  return Error{fmt::format("there is no parameter {}; there are: {}", name, all_names())};
}

std::string describe_parameters(const SamplingParams& params) {
  const SamplingParams off;
  std::string text = fmt::format("temp {}", params.temperature);
  for (const NumberParameter& p : kNumberParameters) {
    if (p.member == &SamplingParams::temperature || params.*p.member == off.*p.member) continue;
    text += fmt::format(", {} {}", p.name, params.*p.member);
  }
  for (const IntegerParameter& p : kIntegerParameters) {
    if (params.*p.member == off.*p.member) continue;
    text += fmt::format(", {} {}", p.name, params.*p.member);
  }
  if (params.mirostat != 0) text += fmt::format(", mirostat {}", params.mirostat);
  return text + fmt::format(", seed {}", params.seed);
}

}  // namespace linnet::app
