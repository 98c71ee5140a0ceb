#include "serve/http/web_page.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "serve/http/web_files.hpp"

namespace linnet::serve {
namespace {

struct ContentType {
  std::string_view ending, type;
};
constexpr std::array kContentTypes = {
    ContentType{".html", "text/html; charset=utf-8"},
    ContentType{".js", "text/javascript; charset=utf-8"},
    ContentType{".css", "text/css; charset=utf-8"},
    ContentType{".svg", "image/svg+xml"},
};

// The page loads nothing that does not come from this server, and no other page may show it.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string tag_of(std::string_view content) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data());
  std::string tag = "\"";
  for (int i = 0; i < 8; ++i) tag += fmt::format("{:02x}", digest[i]);
  return tag + "\"";
}

}  // namespace

WebPage::WebPage() {
  for (const WebFile& file : web_files()) tags_.emplace(file.path, tag_of(file.content));
}

std::optional<ApiReply> WebPage::find(std::string_view path, std::string_view if_none_match) const {
  const std::string_view wanted = path == "/" ? "/index.html" : path;
  const auto files = web_files();
  const auto file = std::ranges::find(files, wanted, &WebFile::path);
  if (file == files.end()) return std::nullopt;
  const auto type = std::ranges::find_if(
      kContentTypes, [&](const ContentType& type) { return wanted.ends_with(type.ending); });
  const std::string& tag = tags_.find(wanted)->second;
  ApiReply reply;
  reply.content_type = type == kContentTypes.end() ? "application/octet-stream" : type->type;
  reply.headers = {{"ETag", tag},
                   {"Cache-Control", "no-cache"},  // which means: ask whether it has changed
                   {"Content-Security-Policy", std::string(kContentSecurityPolicy)},
                   {"Referrer-Policy", "no-referrer"}};
  if (if_none_match == tag) {
    reply.status = 304;
  } else {
    reply.body = file->content;
  }
  return reply;
}

}  // namespace linnet::serve
