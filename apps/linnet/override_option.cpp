#include "linnet/override_option.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace linnet::app {
namespace {

using Value = decltype(gguf::Override::value);

// The whole of `text` as a number.
template <class Number>
std::optional<Value> number_of(std::string_view text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return {};
  return Value(number);
}

std::optional<gguf::Override> parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.find(':', equals);
  if (equals == 0 || colon == text.npos) return {};
  auto value = parse_value(text.substr(equals + 1, colon - equals - 1), text.substr(colon + 1));
  if (!value) return {};
  return gguf::Override{std::string(text.substr(0, equals)), std::move(*value)};
}

std::string check_override(const std::string& text) {
  if (parse(text)) return {};
  return fmt::format(
      "{}: expected KEY=TYPE:VALUE with the type int, float, bool or str and a value of it, as in "
      "llama.rope.freq_base=float:500000",
      text);
}

}  // namespace

bool is_value_type(std::string_view type) {
  return type == "int" || type == "float" || type == "bool" || type == "str";
}

std::optional<Value> parse_value(std::string_view type, std::string_view text) {
  if (type == "str") return Value(std::string(text));
  if (type == "int") return number_of<std::int64_t>(text);
  if (type == "bool" && (text == "true" || text == "false")) return Value(text == "true");
  if (type != "float") return {};
  auto value = number_of<double>(text);
  if (value && !std::isfinite(std::get<double>(*value))) return {};
  return value;
}

CLI::Option* add_override_option(CLI::App& app, std::vector<std::string>& texts) {
  return app
      .add_option(
          "--override-kv", texts,
          "metadata to use instead of the file's; TYPE is int, float, bool or str; repeatable")
      ->type_name("KEY=TYPE:VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(check_override);
}

std::vector<gguf::Override> parse_overrides(const std::vector<std::string>& texts) {
  std::vector<gguf::Override> overrides;
  for (const std::string& text : texts) {
    if (auto override_of = parse(text)) overrides.push_back(std::move(*override_of));
  }
  return overrides;
}

}  // namespace linnet::app
