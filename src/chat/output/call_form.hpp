#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace linnet {

/// Stands for an id of nine letters and digits in the texts of a CallForm.
inline constexpr std::string_view kIdPlace = "\x01";
/// Stands for the key of an argument in `after_value`.
inline constexpr std::string_view kKeyPlace = "\x02";
/// Stands for the tool's name in `middle`, where that stands there once more.
inline constexpr std::string_view kNamePlace = "\x03";

/// How a model writes calls of tools: `begin` call (`between` call)* `end`. A call is the tool's
/// name, `middle` and its arguments: a JSON object, or for each of them
/// `before_key` KEY (`before_text` text `after_text` | `before_json` JSON) `after_value`, with
/// `separator` between two.
struct CallForm {
  std::string begin, end, middle;
  std::optional<std::string> between{};  ///< nothing: there is one call in an answer
  bool has_json_arguments = true;
  std::string before_key{}, before_text{}, after_text{}, before_json{}, after_value{}, separator{};
  /// What ends a text value for the parser; it is not in such values. Empty: texts are JSON, too.
  std::string text_end{};

  /// `middle` behind this name.
  std::string middle_behind(std::string_view name) const {
    std::string text = middle;
    const std::size_t at = text.find(kNamePlace);
    return at == text.npos ? text : text.replace(at, kNamePlace.size(), name);
  }
};

}  // namespace linnet
