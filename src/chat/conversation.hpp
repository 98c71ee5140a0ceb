#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "chat/capabilities.hpp"
#include "chat/output/call_form.hpp"

namespace linnet {

/// Messages and tools as a template can show them.
struct Conversation {
  nlohmann::ordered_json messages;
  nlohmann::ordered_json tools;
  std::vector<std::string> warnings;
};

/// Shapes a conversation to what a template can do: joins the texts of parts or makes parts of
/// text, gives arguments the form that it shows, and puts what it has no place for (a system
/// message, tools, calls and their results) into other messages, with a warning.
/// `form`: how calls are written if the template does not show them; nullptr: as a JSON object.
/// Errors: messages that are not a list of objects with a role; content that is neither text nor
/// parts; parts that are not text if the template takes text only.
Result<Conversation> shape_conversation(nlohmann::ordered_json messages,
                                        nlohmann::ordered_json tools,
                                        const Capabilities& capabilities,
                                        const CallForm* form = nullptr);

}  // namespace linnet
