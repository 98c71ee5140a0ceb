#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/gguf_file.hpp"

namespace linnet::app {

/// Whether values are written with that type: int, float, bool, str.
bool is_value_type(std::string_view type);

/// The value of such a type that `text` is; nothing if it is none.
std::optional<decltype(gguf::Override::value)> parse_value(std::string_view type,
                                                           std::string_view text);

/// Adds --override-kv, which may be given several times, to `app`.
CLI::Option* add_override_option(CLI::App& app, std::vector<std::string>& texts);

/// Parses KEY=TYPE:VALUE texts, as the option has checked them.
std::vector<gguf::Override> parse_overrides(const std::vector<std::string>& texts);

}  // namespace linnet::app
