#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace linnet {

/// `json` on one line. Bytes that are not valid UTF-8 come out as U+FFFD; with nlohmann's own
/// default they would be an exception.
std::string json_text(const nlohmann::ordered_json& json);
/// The same in ASCII, all else as escapes: also what steers a terminal.
std::string ascii_json_text(const nlohmann::ordered_json& json);
/// The same on many lines, for people.
std::string indented_json_text(const nlohmann::ordered_json& json);

}  // namespace linnet
