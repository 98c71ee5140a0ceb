#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace linnet::app {

/// `--image FILE`, for prompts with pictures.
inline void add_image_option(CLI::App& app, std::vector<std::string>& images,
                             const std::string& help) {
  app.add_option("--image", images, help + " (JPEG, PNG, WebP, GIF; needs --mmproj)")
      ->type_name("FILE")
      ->allow_extra_args(false);
}

}  // namespace linnet::app
