#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace linnet {

/// What a template can do with a conversation.
struct Capabilities {
  bool text_content = true;   ///< shows content that is a string
  bool part_content = false;  ///< shows content that is a list of parts
  bool system_message = true;
  bool tools = false;             ///< tells the model of tools
  bool bare_tools = true;         ///< also of those without description and parameters
  bool bare_parameters = true;    ///< also of parameters without description
  bool object_arguments = false;  ///< shows calls whose arguments are objects
  bool text_arguments = false;    ///< shows calls whose arguments are JSON text
  bool null_content = false;      ///< bears calls without content
  bool tool_results = false;      ///< shows messages with the role tool where it shows no calls
  bool tool_responses = false;    ///< shows results as a member of the message with the calls only
  /// What the thinking of an earlier message is called; empty if the template shows none, or
  /// shows it as a part of the content, of type `thinking`.
  std::string_view thinking_key{};
  bool thinking_part = false;
  bool thinking_beside_content = true;  ///< a message with calls may have both

  bool shows_calls() const { return object_arguments || text_arguments; }
};

/// Renders the variables messages, tools and add_generation_prompt.
using TryRender = std::function<Result<std::string>(const nlohmann::ordered_json& messages,
                                                    const nlohmann::ordered_json& tools)>;

/// Finds out by trial.
Capabilities probe_capabilities(const TryRender& render);

}  // namespace linnet
