#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "chat/output/call_form.hpp"

namespace linnet {

/// Calls as a model writes them in this form. `calls` is a list of objects with a name and
/// arguments; arguments that are no object stand as they are.
std::string call_text(const CallForm& form, const nlohmann::ordered_json& calls);

}  // namespace linnet
