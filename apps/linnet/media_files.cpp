#include "linnet/media_files.hpp"

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

// How parts of messages name files of a kind.
struct PartKind {
  MediaFiles::Kind kind;
  const char* type;
};
constexpr PartKind kPartKinds[] = {{MediaFiles::Kind::kPicture, "image_url"},
                                   {MediaFiles::Kind::kSound, "audio_url"}};

const char* type_of(MediaFiles::Kind kind) { return kPartKinds[static_cast<int>(kind)].type; }

// Null if there is none.
const Json* find_text(const Json& part, const std::string& path) {
  const Json::json_pointer pointer(path);
  if (!part.is_object() || !part.contains(pointer)) return nullptr;
  return part[pointer].is_string() ? &part[pointer] : nullptr;
}

// Where a part says that its file of a kind is; empty if it is none. OpenAI's parts of sounds
// hold the file.
std::string url_of(const Json& part, const PartKind& kind) {
  if (const Json* const url = find_text(part, std::string("/") + kind.type + "/url")) return *url;
  if (kind.kind != MediaFiles::Kind::kSound) return {};
  const Json* const held = find_text(part, "/input_audio/data");
  return held ? "data:;base64," + held->get<std::string>() : std::string();
}

}  // namespace

Result<std::string> MediaFiles::keep(Kind kind, std::string url, std::span<const std::byte> file) {
  auto medium = kind == Kind::kSound ? model_.read_sound(file) : model_.read_picture(file);
  if (!medium) return medium.error();
  std::string marker = (*medium)->tokens.marker;
  files_[marker] = {kind, std::move(url), std::move(*medium)};
  return marker;
}

Result<std::string> MediaFiles::add(Kind kind, const std::string& path, FileReader& read) {
  const auto bytes = read(path, kLargestFileBytes);
  if (!bytes) return bytes.error();
  std::error_code ignored;
  const std::string absolute = std::filesystem::absolute(path, ignored).string();
  auto marker = keep(kind, std::string(kFileUrl) + (absolute.empty() ? path : absolute),
                     std::as_bytes(std::span(*bytes)));
  return marker ? marker : Error{path + ": " + marker.error().message};
}

Result<std::string> MediaFiles::add_url(Kind kind, const std::string& url) {
  if (url.starts_with(kFileUrl)) return add(kind, url.substr(kFileUrl.size()), read_regular_file);
  constexpr std::string_view kBase64 = ";base64,";
  const std::size_t data = url.find(kBase64);
  if (!url.starts_with("data:") || data == url.npos) {
    return Error{std::string(kind == Kind::kSound ? "a sound" : "a picture") + " has the URL " +
                 shortened(printable(url)) + ", expected file: or data: with base64"};
  }
  const auto bytes = decode_base64(std::string_view(url).substr(data + kBase64.size()));
  return bytes ? keep(kind, url, *bytes) : Result<std::string>(bytes.error());
}

Media MediaFiles::in(std::string_view text) const {
  Media media;
  for (const auto& [marker, file] : files_) {
    if (text.find(marker) != text.npos) media.push_back(file.medium);
  }
  return media;
}

Json MediaFiles::with_parts(Json messages) const {
  for (Json& message : messages) {
    const std::string content = message.value("content", "");
    Json parts = Json::array();
    const Media media = in(content);
    for (std::size_t begin = 0; begin < content.size();) {
      const auto [medium, at] = next_medium(content, begin, tokens_of(media));
      if (at > begin) parts.push_back(text_part(content.substr(begin, at - begin)));
      if (!medium) break;
      const File& file = files_.find(medium->marker)->second;
      const char* const type = type_of(file.kind);
      parts.push_back({{"type", type}, {type, {{"url", file.url}}}});
      begin = at + medium->marker.size();
    }
    const bool has_media = parts.size() > 1 || (parts.size() == 1 && !parts[0].contains("text"));
    if (has_media) message["content"] = std::move(parts);
  }
  return messages;
}

// None for parts of other kinds.
Result<std::optional<std::string>> MediaFiles::text_of(const Json& part) {
  if (part.is_object() && part.contains("text") && part["text"].is_string()) {
    return std::optional(part["text"].get<std::string>());
  }
  for (const PartKind& kind : kPartKinds) {
    const std::string url = url_of(part, kind);
    if (url.empty()) continue;
    auto marker = add_url(kind.kind, url);
    if (!marker) return marker.error();
    return std::optional(std::move(*marker));
  }
  return std::optional<std::string>();
}

Result<Json> MediaFiles::with_texts(Json messages) {
  if (!messages.is_array()) return messages;
  for (Json& message : messages) {
    if (!message.is_object() || !message.contains("content")) continue;
    if (!message["content"].is_array()) continue;
    std::string text;
    bool is_known = true;
    for (const Json& part : message["content"]) {
      const auto shown = text_of(part);
      if (!shown) return shown.error();
      is_known = is_known && shown->has_value();
      text += shown->value_or("");
    }
    if (is_known) message["content"] = text;
  }
  return messages;
}

}  // namespace linnet::app
