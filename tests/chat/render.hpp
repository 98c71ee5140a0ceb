#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "chat/jinja/template.hpp"

namespace linnet {

inline Result<jinja::Text> render_text(
    std::string_view source, const nlohmann::ordered_json& data = nlohmann::ordered_json::object(),
    jinja::RenderOptions options = {}) {
  options.now.tm_year = 125;  // 2025-07-10 12:00:00, a Thursday
  options.now.tm_mon = 6;
  options.now.tm_mday = 10;
  options.now.tm_hour = 12;
  options.now.tm_wday = 4;
  options.now.tm_yday = 190;
  auto compiled = jinja::Template::parse(source);
  if (!compiled) return compiled.error();
  std::vector<jinja::Variable> variables;
  for (const auto& [name, value] : data.items()) variables.push_back({name, &value});
  return compiled->render(variables, options);
}

/// The output, or "error: " and the message.
inline std::string render(std::string_view source, const char* data = "{}",
                          jinja::RenderOptions options = {}) {
  const auto text = render_text(source, nlohmann::ordered_json::parse(data), options);
  return text ? text->bytes() : "error: " + text.error().message;
}

}  // namespace linnet
