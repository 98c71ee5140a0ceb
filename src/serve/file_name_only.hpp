#pragma once

#include <filesystem>
#include <string>

namespace linnet::serve {

/// `text` with the name of a file wherever it has the file's path: clients need not know the
/// folders of the machine.
inline std::string file_name_only(std::string text, const std::filesystem::path& path) {
  const std::string whole = path.string(), name = path.filename().string();
  if (whole.size() <= name.size()) return text;
  for (std::size_t at = text.find(whole); at != text.npos;
       at = text.find(whole, at + name.size())) {
    text.replace(at, whole.size(), name);
  }
  return text;
}

}  // namespace linnet::serve
