#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <string>

#include "base/utf8.hpp"

namespace linnet::app {

/// A number from `low` to `high`. CLI11's own check takes "nan", which is in no range.
inline CLI::Validator number_between(double low, double high) {
  return {[low, high](const std::string& text) -> std::string {
            double value = 0.0;
            if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high) return {};
            return fmt::format("Value {} not in range {} to {}", text, low, high);
          },
          fmt::format("FLOAT in [{} - {}]", low, high)};
}

/// A whole number from `low` to `high`. CLI11's own check would say that 1.5 is not in 1 to 2.
inline CLI::Validator whole_number_between(double low, double high) {
  return {[low, high](const std::string& text) -> std::string {
            std::int64_t value = 0;
            if (CLI::detail::lexical_cast(text, value) && static_cast<double>(value) >= low &&
                static_cast<double>(value) <= high) {
              return {};
            }
            return fmt::format("Value {} is not a whole number from {} to {}", text, low, high);
          },
          fmt::format("INT in [{:.0f} - {:.0f}]", low, high)};
}

/// A whole number of 64 bits. CLI11 alone would take -1 and 2^64 for the largest one.
inline CLI::Validator unsigned_number() {
  return {[](const std::string& text) -> std::string {
            std::uint64_t value = 0;
            const char* const end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, value);
            if (error == std::errc{} && stop == end) return {};
            return fmt::format("Value {} is not a whole number from 0 to 2^64 - 1", text);
          },
          "UINT"};
}

/// What `check` takes, or -1, which then means something else than a number.
inline CLI::Validator or_minus_one(const CLI::Validator& check) {
  return {[check](std::string& text) {
            const std::string problem = text == "-1" ? std::string() : check(text);
            return problem.empty() ? problem : problem + ", or -1";
          },
          check.get_description()};
}

/// A text in UTF-8, as every text of a model is.
inline CLI::Validator valid_text() {
  return {[](const std::string& text) -> std::string {
            return is_valid_utf8(text) ? "" : "expected a text in UTF-8";
          },
          ""};
}

/// An empty value, as a script gives if its variable is not set. CLI11 alone would take it for 0
/// or for no option at all.
inline CLI::Validator not_empty() {
  return {[](const std::string& text) -> std::string {
            return text.empty() ? "expected a value, found an empty one" : std::string();
          },
          ""};
}

}  // namespace linnet::app
