#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/read_file.hpp"
#include "generate/model_file.hpp"

namespace linnet::app {

/// The pictures of a conversation or a prompt, read from files.
class PictureFiles {
 public:
  /// `model` must outlive the object.
  explicit PictureFiles(const ModelFile& model) : model_(model) {}

  /// Has a picture read by `read`. Gives the text that stands for it in a message.
  Result<std::string> add(const std::string& path, FileReader& read);

  /// Those that `text` has, each once.
  Pictures in(std::string_view text) const;

  /// `messages`, a list in OpenAI's form whose contents are texts, with pictures as parts of their
  /// own, which name the file or have what was in it.
  nlohmann::ordered_json with_parts(nlohmann::ordered_json messages) const;
  /// The other way: reads the files that parts name, and what they have. What is no such part stays
  /// as it is.
  Result<nlohmann::ordered_json> with_texts(nlohmann::ordered_json messages);

 private:
  struct File {
    std::string url;  // file: or data:
    std::shared_ptr<const Picture> picture;
  };

  Result<std::string> add_url(const std::string& url);
  Result<std::string> keep(std::string url, std::span<const std::byte> file);

  const ModelFile& model_;
  std::map<std::string, File, std::less<>> files_;  // by their pictures' markers
};

}  // namespace linnet::app
