#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "generate/loading/model_file.hpp"

namespace linnet::serve {

using Folders = std::vector<std::filesystem::path>;

/// The folders of a model's files: its own, its adapters, control vectors and encoders.
inline Folders folders_of(const ModelFile& file) {
  Folders folders = {file.file().path().parent_path()};
  for (const gguf::Lora& adapter : file.adapters()) {
    folders.push_back(adapter.file().path().parent_path());
  }
  for (const gguf::ControlVector& vector : file.control_vectors()) {
    folders.push_back(vector.file().path().parent_path());
  }
  if (file.vision()) folders.push_back(file.vision()->file().path().parent_path());
  if (file.hearing()) folders.push_back(file.hearing()->file().path().parent_path());
  return folders;
}

/// `text` with the name of a file wherever it has the path of one in one of the folders: clients
/// need not know the folders of the machine.
inline std::string file_name_only(std::string text, const Folders& folders) {
  std::vector<std::string> prefixes;
  for (const std::filesystem::path& folder : folders) {
    if (folder.has_relative_path()) prefixes.push_back((folder / "").string());
  }
  // One may begin with another one.
  std::ranges::sort(prefixes, std::greater(), &std::string::size);
  constexpr std::string_view kBefore = " \t\n'\"(=";
  for (const std::string& prefix : prefixes) {
    std::size_t at = 0;
    while ((at = text.find(prefix, at)) != text.npos) {
      if (at == 0 || kBefore.find(text[at - 1]) != kBefore.npos) {
        text.erase(at, prefix.size());
      } else {
        at += prefix.size();
      }
    }
  }
  return text;
}

}  // namespace linnet::serve
