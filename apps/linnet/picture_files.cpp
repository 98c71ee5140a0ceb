#include "linnet/picture_files.hpp"

#include <filesystem>

#include "base/base64.hpp"
#include "base/printable.hpp"
#include "base/read_file.hpp"
#include "base/utf8.hpp"
#include "chat/prompt_encoding.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kLargestFileBytes = 256 << 20;
constexpr std::string_view kFileUrl = "file://";

Json text_part(std::string_view text) { return {{"type", "text"}, {"text", text}}; }

// Where a part says that its picture is; empty where it is no picture.
std::string url_of(const Json& part) {
  const Json::json_pointer url("/image_url/url");
  if (!part.is_object() || !part.contains(url) || !part[url].is_string()) return {};
  return part[url];
}

}  // namespace

Result<std::string> PictureFiles::keep(std::string url, std::span<const std::byte> file) {
  auto picture = model_.read_picture(file);
  if (!picture) return picture.error();
  std::string marker = (*picture)->tokens.marker;
  files_[marker] = {std::move(url), std::move(*picture)};
  return marker;
}

Result<std::string> PictureFiles::add(const std::string& path, FileReader& read) {
  const auto bytes = read(path, kLargestFileBytes);
  if (!bytes) return bytes.error();
  std::error_code ignored;
  const std::string absolute = std::filesystem::absolute(path, ignored).string();
  auto marker = keep(std::string(kFileUrl) + (absolute.empty() ? path : absolute),
                     std::as_bytes(std::span(*bytes)));
  return marker ? marker : Error{path + ": " + marker.error().message};
}

Result<std::string> PictureFiles::add_url(const std::string& url) {
  if (url.starts_with(kFileUrl)) return add(url.substr(kFileUrl.size()), read_regular_file);
  constexpr std::string_view kBase64 = ";base64,";
  const std::size_t data = url.find(kBase64);
  if (!url.starts_with("data:") || data == url.npos) {
    return Error{"a picture has the URL " + shortened(printable(url)) +
                 ", expected file: or data: with base64"};
  }
  const auto bytes = decode_base64(std::string_view(url).substr(data + kBase64.size()));
  return bytes ? keep(url, *bytes) : Result<std::string>(bytes.error());
}

Pictures PictureFiles::in(std::string_view text) const {
  Pictures pictures;
  for (const auto& [marker, file] : files_) {
    if (text.find(marker) != text.npos) pictures.push_back(file.picture);
  }
  return pictures;
}

Json PictureFiles::with_parts(Json messages) const {
  for (Json& message : messages) {
    const std::string content = message.value("content", "");
    Json parts = Json::array();
    const Pictures pictures = in(content);
    for (std::size_t begin = 0; begin < content.size();) {
      const auto [picture, at] = next_picture(content, begin, tokens_of(pictures));
      if (at > begin) parts.push_back(text_part(content.substr(begin, at - begin)));
      if (!picture) break;
      const std::string& url = files_.find(picture->marker)->second.url;
      parts.push_back({{"type", "image_url"}, {"image_url", {{"url", url}}}});
      begin = at + picture->marker.size();
    }
    const bool has_pictures = parts.size() > 1 || (parts.size() == 1 && !parts[0].contains("text"));
    if (has_pictures) message["content"] = std::move(parts);
  }
  return messages;
}

Result<Json> PictureFiles::with_texts(Json messages) {
  if (!messages.is_array()) return messages;
  for (Json& message : messages) {
    if (!message.is_object() || !message.contains("content")) continue;
    if (!message["content"].is_array()) continue;
    std::string text;
    bool is_known = true;
    for (const Json& part : message["content"]) {
      if (part.is_object() && part.contains("text") && part["text"].is_string()) {
        text += part["text"].get_ref<const std::string&>();
      } else if (const std::string url = url_of(part); !url.empty()) {
        const auto marker = add_url(url);
        if (!marker) return marker.error();
        text += *marker;
      } else {
        is_known = false;
      }
    }
    if (is_known) message["content"] = text;
  }
  return messages;
}

}  // namespace linnet::app
