#pragma once

#include <optional>
#include <string_view>

#include "chat/call_form.hpp"

namespace linnet {

/// The form of calls of a family (OutputFormat::name) whose templates show none, or a notation that
/// takes more than looking at it; nothing for others.
std::optional<CallForm> known_call_form(std::string_view family);

}  // namespace linnet
