#include "serve/requests/multipart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "base/base64.hpp"
#include "base/utf8.hpp"
#include "serve/requests/json_request.hpp"

namespace linnet::serve {
namespace {

constexpr std::size_t kLongestBoundary = 200, kLongestHead = 8192, kMostParts = 64;
constexpr std::string_view kLineEnd = "\r\n", kHeadEnd = "\r\n\r\n";

// Fields that are texts whatever they look like.
constexpr std::array<std::string_view, 3> kTexts = {"language", "model", "prompt"};

// What stands before each part: the first line of the body.
Result<std::string_view> boundary_of(std::string_view body) {
  const std::size_t end = body.substr(0, kLongestBoundary).find(kLineEnd);
  if (!body.starts_with("--") || end == body.npos || end < 3) {
    return Error{"the body is neither JSON nor multipart/form-data"};
  }
  return body.substr(0, end);
}

// The value of `name`="..." in a part's head; empty if there is none.
std::string_view quoted(std::string_view head, std::string_view name) {
  const std::string begin = fmt::format("; {}=\"", name);
  const std::size_t at = head.find(begin);
  if (at == head.npos) return {};
  const std::string_view value = head.substr(at + begin.size());
  return value.substr(0, std::min(value.find('"'), value.size()));
}

// A number, true or false if the text is one as JSON writes it.
Json field_of(std::string_view text) {
  const bool may_be_scalar = !text.empty() && text.size() < 32 &&
                             (text == "true" || text == "false" || text[0] == '-' ||
                              std::isdigit(static_cast<unsigned char>(text[0])) != 0);
  if (may_be_scalar) {
    Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (value.is_number() || value.is_boolean()) return value;
  }
  return std::string(text);
}

Status add_part(std::string_view part, Json& fields) {
  const std::size_t head_end = part.substr(0, kLongestHead).find(kHeadEnd);
  if (head_end == part.npos) return Error{"a part of the body has no end of its head"};
  const std::string_view head = part.substr(0, head_end);
  const std::string_view content = part.substr(head_end + kHeadEnd.size());
  const std::string name(quoted(head, "name"));
  if (name.empty() || !is_valid_utf8(name)) return Error{"a part of the body has no name"};
  if (head.find("; filename=") != head.npos || head.find("; filename*=") != head.npos) {
    fields[name] = encode_base64(content);
    return {};
  }
  if (!is_valid_utf8(content)) {
    return Error{fmt::format("the part {} of the body is no text in UTF-8", name)};
  }
  fields[name] =
      std::ranges::find(kTexts, name) != kTexts.end() ? Json(content) : field_of(content);
  return {};
}

}  // namespace

Result<Json> parse_multipart(std::string_view body) {
  if (body.empty() || body.starts_with('{')) return parse_body(body);
  const auto boundary = boundary_of(body);
  if (!boundary) return boundary.error();
  const std::string between = std::string(kLineEnd).append(*boundary);
  Json fields = Json::object();
  std::string_view rest = body.substr(boundary->size());
  for (std::size_t count = 0; !rest.starts_with("--"); ++count) {
    if (count == kMostParts) {
      return Error{fmt::format("the body has more than {} parts", kMostParts)};
    }
    if (!rest.starts_with(kLineEnd)) return Error{"a part of the body does not begin with a line"};
    rest.remove_prefix(kLineEnd.size());
    const std::size_t end = rest.find(between);
    if (end == rest.npos) return Error{"the body ends within a part"};
    if (Status status = add_part(rest.substr(0, end), fields); !status) return status.error();
    rest.remove_prefix(end + between.size());
  }
  return fields;
}

}  // namespace linnet::serve
