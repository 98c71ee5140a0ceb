#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/read_file.hpp"
#include "generate/loading/model_file.hpp"

namespace linnet::app {

/// The pictures and sounds of a conversation or a prompt, read from files.
class MediaFiles {
 public:
  /// `model` must outlive the object.
  explicit MediaFiles(const ModelFile& model) : model_(model) {}

  enum class Kind { kPicture, kSound };

  /// Has a file read by `read`. Returns the text that stands for it in a message.
  Result<std::string> add(Kind kind, const std::string& path, FileReader& read);

  /// The files that `text` has, each once.
  Media in(std::string_view text) const;

  /// `messages`, a list in OpenAI's form whose contents are texts, with pictures and sounds as
  /// parts of their own, which name the file or have what was in it.
  nlohmann::ordered_json with_parts(nlohmann::ordered_json messages) const;
  /// The other way: reads the files that parts name, and what they have. What is no such part stays
  /// as it is.
  Result<nlohmann::ordered_json> with_texts(nlohmann::ordered_json messages);

 private:
  struct File {
    Kind kind;
    std::string url;  // file: or data:
    std::shared_ptr<const Medium> medium;
  };

  Result<std::string> add_url(Kind kind, const std::string& url);
  Result<std::string> keep(Kind kind, std::string url, std::span<const std::byte> file);

  Result<std::optional<std::string>> text_of(const nlohmann::ordered_json& part);

  const ModelFile& model_;
  std::map<std::string, File, std::less<>> files_;  // by their markers
};

}  // namespace linnet::app
