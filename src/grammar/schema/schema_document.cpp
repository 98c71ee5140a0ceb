#include "grammar/schema/schema_document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/hex.hpp"
#include "base/utf8.hpp"

namespace linnet::grammar {
namespace {

constexpr int kDeepest = 128;

std::string without_percents(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto escaped = text[i] == '%' ? hex_byte(text.substr(i + 1)) : std::nullopt;
    if (escaped) {
      result.push_back(static_cast<char>(*escaped));
      i += 2;
    } else {
      result.push_back(text[i]);
    }
  }
  return result;
}

// One step of a JSON pointer (RFC 6901), written and read.
std::string escaped_step(std::string_view step) {
  std::string result;
  for (const char c : step) {
    if (c == '~') {
      result += "~0";
    } else if (c == '/') {
      result += "~1";
    } else {
      result.push_back(c);
    }
  }
  return result;
}

std::string unescaped_step(std::string_view step) {
  std::string result;
  for (std::size_t i = 0; i < step.size(); ++i) {
    const bool escape = step[i] == '~' && i + 1 < step.size();
    result.push_back(!escape ? step[i] : step[++i] == '1' ? '/' : '~');
  }
  return result;
}

// Goes a step on in a path, which only tells readers where something is: a document of many parts
// below a long name must not have that name many times.
void append_step(std::string& path, std::string_view escaped) {
  constexpr std::size_t kLongest = 300;
  constexpr std::string_view kCut = "/...";
  if (path.size() < kLongest) {
    path.append("/").append(shortened(escaped));
  } else if (!path.ends_with(kCut)) {
    path.append(kCut);
  }
}

const SchemaJson* step_into(const SchemaJson& json, const std::string& step) {
  if (json.is_object()) {
    const auto at = json.find(step);
    return at == json.end() ? nullptr : &*at;
  }
  std::size_t index = 0;
  if (!json.is_array() || step.empty() || step.size() > 9) return nullptr;
  for (const char c : step) {
    if (c < '0' || c > '9') return nullptr;
    index = index * 10 + static_cast<std::size_t>(c - '0');
  }
  return index < json.size() ? &json[index] : nullptr;
}

}  // namespace

SchemaDocument::SchemaDocument(SchemaJson root) {
  texts_.push_back(std::move(root));
  insert(texts_[0], "", false);
  collect_names(texts_[0], "", 0);
}

SchemaId SchemaDocument::insert(const SchemaJson& json, std::string path, bool negated) {
  const auto [at, added] = numbers_.try_emplace(&json, static_cast<SchemaId>(schemas_.size()));
  if (added) schemas_.push_back({&json, std::move(path), negated});
  return at->second;
}

void SchemaDocument::collect_names(const SchemaJson& json, const std::string& path, int depth) {
  if (depth > kDeepest) return;
  if (json.is_object()) {
    const auto text_of = [&](const char* key) {
      const auto at = json.find(key);
      return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
    };
    if (const std::string anchor = text_of("$anchor"); !anchor.empty()) {
      anchors_.try_emplace(anchor, Place{&json, path});
    }
    if (const std::string id = text_of("$id"); !id.empty()) {
      ids_.try_emplace(id, Place{&json, path});
    }
    for (const auto& item : json.items()) {
      std::string place = path;
      append_step(place, escaped_step(item.key()));
      collect_names(item.value(), place, depth + 1);
    }
  } else if (json.is_array()) {
    for (std::size_t i = 0; i < json.size(); ++i) {
      std::string place = path;
      append_step(place, std::to_string(i));
      collect_names(json[i], place, depth + 1);
    }
  }
}

SchemaId SchemaDocument::number(const SchemaJson& json, SchemaId parent,
                                std::initializer_list<std::string_view> steps) {
  std::string place = path(parent);
  for (const std::string_view step : steps) append_step(place, escaped_step(step));
  return insert(json, std::move(place), false);
}

SchemaId SchemaDocument::add(SchemaJson json, SchemaId origin, bool negated) {
  texts_.push_back(std::move(json));
  return insert(texts_.back(), path(origin), negated);
}

Result<SchemaId> SchemaDocument::resolve(const std::string& reference, SchemaId origin) {
  const std::size_t hash = reference.find('#');
  const std::string base = reference.substr(0, hash);
  const std::string fragment =
      hash == std::string::npos ? "" : without_percents(reference.substr(hash + 1));
  Place place{&texts_[0], ""};
  if (!base.empty()) {
    const auto known = ids_.find(base);
    if (known == ids_.end()) {
      return error(origin, fmt::format("$ref {} is outside the document", reference));
    }
    place = known->second;
  }
  if (!fragment.empty() && fragment[0] != '/') {
    const auto known = anchors_.find(fragment);
    if (known == anchors_.end()) {
      return error(origin, fmt::format("$ref {} names an $anchor that is not there", reference));
    }
    return insert(*known->second.json, known->second.path, false);
  }
  for (std::size_t at = 0; at < fragment.size();) {
    const std::size_t end = std::min(fragment.find('/', at + 1), fragment.size());
    const std::string step = fragment.substr(at + 1, end - at - 1);
    place.json = step_into(*place.json, unescaped_step(step));
    if (!place.json) {
      return error(origin, fmt::format("$ref {} points to what is not there", reference));
    }
    append_step(place.path, step);
    at = end;
  }
  return insert(*place.json, place.path, false);
}

Error SchemaDocument::error(SchemaId id, std::string_view what) const {
  const std::string& at = path(id);
  return Error{fmt::format("the schema, at {}: {}", at.empty() ? "its root" : at, what)};
}

}  // namespace linnet::grammar
