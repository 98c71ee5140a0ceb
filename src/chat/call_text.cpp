#include "chat/call_text.hpp"

#include "chat/json_text.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

std::string with_key(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(kKeyPlace);
  if (at == text.npos) return std::string(text);
  return std::string(text.substr(0, at)).append(key).append(text.substr(at + kKeyPlace.size()));
}

std::string argument_text(const CallForm& form, const std::string& key, const Json& value) {
  const bool is_plain = value.is_string() && !form.text_end.empty();
  const std::string written = is_plain
                                  ? form.before_text + value.get<std::string>() + form.after_text
                                  : form.before_json + json_text(value);
  return form.before_key + key + written + with_key(form.after_value, key);
}

std::string arguments_text(const CallForm& form, const Json& arguments) {
  if (arguments.is_string()) return arguments.get<std::string>();
  if (form.has_json_arguments || !arguments.is_object()) return json_text(arguments);
  std::string text;
  for (const auto& [key, value] : arguments.items()) {
    if (!text.empty()) text += form.separator;
    text += argument_text(form, key, value);
  }
  return text;
}

}  // namespace

std::string call_text(const CallForm& form, const Json& calls) {
  std::string text = form.begin;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Json& call = calls[i];
    if (i > 0) text += form.between ? *form.between : form.end + form.begin;
    const Json name = call.is_object() ? call.value("name", Json("")) : Json("");
    const Json arguments = call.is_object() ? call.value("arguments", Json::object()) : call;
    const std::string called = name.is_string() ? name.get<std::string>() : json_text(name);
    text += called + form.middle_behind(called);
    text += arguments_text(form, arguments);
  }
  return text + form.end;
}

}  // namespace linnet
