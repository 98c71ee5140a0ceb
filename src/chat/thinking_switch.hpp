#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "chat/chat_template.hpp"

namespace linnet {

/// Whether a template has the model think under these variables (null or an object) where a request
/// does not set enable_thinking; nothing: it does not know that. Found out by trial.
std::optional<bool> usual_thinking(const ChatTemplate& chat,
                                   const nlohmann::ordered_json& variables = nullptr);

}  // namespace linnet
