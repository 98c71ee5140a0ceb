#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"

namespace linnet::app {

/// Adds --override-kv, which may be given several times, to `app`.
CLI::Option* add_override_option(CLI::App& app, std::vector<std::string>& texts);

/// Of KEY=TYPE:VALUE each, as the option has checked them.
std::vector<gguf::Override> parse_overrides(const std::vector<std::string>& texts);

}  // namespace linnet::app
