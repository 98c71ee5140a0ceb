#pragma once

#include <span>
#include <string_view>

namespace linnet::serve {

/// A file of src/serve/web or of a library that the page uses.
struct WebFile {
  std::string_view path;  ///< under /, as the page asks for it
  std::string_view content;
};

/// All of them; written by cmake/embed_files.cmake.
std::span<const WebFile> web_files();

}  // namespace linnet::serve
