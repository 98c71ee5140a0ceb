#include "serve/requests/media_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/ascii.hpp"
#include "base/utf8.hpp"

namespace linnet::serve {
namespace {

constexpr std::string_view kDataUrl = "a data: URL (data:image/png;base64,...)";

std::string random_text() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", device(), device(), device(), device());
}

// What is after the comma of data:TYPE;base64,DATA (https://www.rfc-editor.org/rfc/rfc2397), or
// why the URL is none like that. What it calls the type of the data counts for nothing.
Result<std::string_view> data_of(std::string_view url) {
  constexpr std::string_view kScheme = "data:";
  constexpr std::size_t kLongestHead = 256;
  const std::size_t comma = url.substr(0, kLongestHead).find(',');
  const std::string head = in_lower_case(url.substr(0, std::min(comma, kLongestHead)));
  if (head.starts_with("http:") || head.starts_with("https:")) {
    return Error{fmt::format("this server fetches nothing: expected {}", kDataUrl)};
  }
  if (!head.starts_with(kScheme)) {
    return Error{fmt::format("expected {}, found {}", kDataUrl, shortened(url))};
  }
  if (comma == url.npos || !head.ends_with(";base64")) {
    return Error{fmt::format("expected {}, found one without base64", kDataUrl)};
  }
  return url.substr(comma + 1);
}

}  // namespace

MediaParts::MediaParts() : secret_(random_text()) {}

Json MediaParts::from_url(Fields& holder, std::string_view name) {
  const Json* const field = holder.find(name);
  holder.require(name, kDataUrl);
  if (field && !field->is_string()) holder.fail_type(name, "a string", *field);
  if (!field || !field->is_string()) return nullptr;
  const auto base64 = data_of(field->get_ref<const std::string&>());
  if (base64) return add(holder, name, *base64, /*is_sound=*/false);
  holder.fail(name, base64.error().message);
  return nullptr;
}

Json MediaParts::from_base64(Fields& holder, std::string_view name) {
  return from_base64(holder, name, holder.find(name), /*is_sound=*/false);
}

Json MediaParts::from_base64_sound(Fields& holder, std::string_view name) {
  return from_base64(holder, name, holder.find(name), /*is_sound=*/true);
}

Json MediaParts::from_base64_list(Fields& holder, std::string_view name) {
  Json parts = Json::array();
  const Json* const list = holder.array(name, kMostMedia);
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    parts.push_back(from_base64(holder, fmt::format("{}[{}]", name, i), &(*list)[i],
                                /*is_sound=*/false));
  }
  return parts;
}

Json MediaParts::from_base64(Fields& holder, std::string_view name, const Json* field,
                             bool is_sound) {
  if (field && field->is_string()) {
    return add(holder, name, field->get_ref<const std::string&>(), is_sound);
  }
  if (field) {
    holder.fail_type(name, "a string", *field);
  } else {
    holder.require(name, "a string");
  }
  return nullptr;
}

Json MediaParts::add(Fields& holder, std::string_view name, std::string_view base64,
                     bool is_sound) {
  if (media_.size() >= kMostMedia) {
    holder.fail(name, fmt::format("at most {} pictures and sounds in a request", kMostMedia));
    return nullptr;
  }
  std::string marker =
      fmt::format("<{} {}-{}>", is_sound ? "sound" : "picture", secret_, media_.size());
  media_.push_back({holder.path_of(name), base64, marker, is_sound});
  return {{"type", "text"}, {"text", std::move(marker)}};
}

}  // namespace linnet::serve
