#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "gguf/control_vector.hpp"
#include "gguf/lora.hpp"

namespace linnet::app {

/// What --lora and --control-vector name.
struct ScaledFile {
  std::string path;
  float strength = 1.0f;
};

/// Of FILE or FILE:SCALE, as the option has checked it. What stands behind the last colon is part
/// of the name where it is no number.
ScaledFile parse_scaled_file(const std::string& text);

/// Adds an option for such files, which may be given several times, to `app`.
CLI::Option* add_scaled_files(CLI::App& app, const std::string& name,
                              std::vector<std::string>& texts, const std::string& description);

/// Says what of them is left out.
void note_unused(const gguf::Lora& adapter);
void note_unused(const gguf::ControlVector& vector);

}  // namespace linnet::app
