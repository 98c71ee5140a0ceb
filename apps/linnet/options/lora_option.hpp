#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace linnet::app {

/// What --lora names.
struct LoraOption {
  std::string path;
  float strength = 1.0f;
};

/// Of FILE or FILE:SCALE, as the option has checked it. What stands behind the last colon is part
/// of the name where it is no number.
LoraOption parse_lora(const std::string& text);

/// Adds --lora, which may be given several times, to `app`.
CLI::Option* add_lora_option(CLI::App& app, std::vector<std::string>& texts,
                             const std::string& description);

}  // namespace linnet::app
