#pragma once

#include <optional>

#include "chat/chat_template.hpp"
#include "chat/output/call_form.hpp"

namespace linnet {

/// How the model writes calls, as its template shows them. Finds out by trial: renders answers with
/// calls, and looks where their parts came out. Of some families, whose templates show no calls or
/// notations of their own, the form is known (Family::form). Nothing if the template writes
/// calls in another way than a CallForm, or in one that OutputParser would not read back.
std::optional<CallForm> find_call_form(const ChatTemplate& chat);

}  // namespace linnet
