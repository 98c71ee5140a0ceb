#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "linnet/media_files.hpp"

namespace linnet::app {

/// Files of pictures and sounds for a prompt: `--image FILE` and `--audio FILE`.
struct MediaOptions {
  std::vector<std::string> images, sounds;

  /// `where` says which place in the prompt they have.
  void add_to(CLI::App& app, const std::string& where) {
    add(app, "--image", images, "picture " + where + "; repeatable (JPEG, PNG, WebP, GIF");
    add(app, "--audio", sounds, "sound " + where + "; repeatable (WAV, FLAC, MP3, Ogg");
  }

  /// Calls `add` with the kind and the path of each, pictures first, until one is an error.
  template <class Add>
  Status each(const Add& add) const {
    for (const std::string& path : images) {
      if (Status status = add(MediaFiles::Kind::kPicture, path); !status) return status;
    }
    for (const std::string& path : sounds) {
      if (Status status = add(MediaFiles::Kind::kSound, path); !status) return status;
    }
    return {};
  }

 private:
  static void add(CLI::App& app, const std::string& name, std::vector<std::string>& paths,
                  const std::string& help) {
    app.add_option(name, paths, help + "; needs --mmproj)")
        ->type_name("FILE")
        ->allow_extra_args(false);
  }
};

}  // namespace linnet::app
