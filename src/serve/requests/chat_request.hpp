#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_template.hpp"
#include "serve/requests/json_request.hpp"
#include "serve/requests/media_parts.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// The tool calls that an answer may or must have.
struct ToolChoice {
  bool must_call = false;
  std::vector<std::string> names;  ///< of the tools that may be called; empty: any
  bool parallel = true;            ///< several calls in an answer
};

/// A conversation and what is asked of the answer to it.
struct ChatFields {
  ChatRequest request;             ///< its tools are empty if none may be called
  std::vector<GivenMedium> media;  ///< whose markers stand in the messages
  ToolChoice choice;
  std::optional<std::int64_t> thinking_tokens;  ///< most of them; -1: as many as it likes
  bool thinking_is_text = false;                ///< it stands in the text, with its marks
  std::vector<std::string> warnings;            ///< what of the request the answer goes without
};

inline constexpr std::size_t kMostMessages = 4096;
inline constexpr std::size_t kMostTools = 256;

/// Reads `messages`, `tools`, `tool_choice` and `parallel_tool_calls` as OpenAI's chat completions
/// have them, `continue_final_message`, and what read_thinking_fields() does; what is wrong is left
/// in `fields`. `model` says which roles its template knows.
ChatFields read_chat_fields(Fields& fields, const ServedModel& model);

/// Reads `tools` as chat completions have them; null if there are none. Tools of a service,
/// which this server has not, are left out with a warning.
void read_function_tools(Fields& fields, ChatFields& chat);

/// The same of an API whose tools are other objects: `function_of` makes the function of one, or
/// null if it is none, or leaves in its fields what is wrong.
void read_tools(Fields& fields, const std::function<Json(Fields& tool)>& function_of,
                ChatFields& chat);

/// The function of a tool that has its name, its description, its schema (by the name
/// `schema_name`) and `strict` side by side.
Json read_flat_function(Fields& tool, std::string_view schema_name);

/// A name that all families can write into a call and read again.
std::string required_tool_name(Fields& tool);

/// Makes the last of the messages, where it is the assistant's, the beginning of the answer. Fails
/// if it has more than text.
void take_begun_answer(Fields& fields, ChatRequest& chat);

/// Reads OpenAI's `tool_choice` (none, auto, required, an object that names a function or those
/// that are allowed) and drops the tools if none may be called.
void read_tool_choice(Fields& fields, ChatFields& chat);

/// Drops the tools if none may be called, and checks that those that are named exist. `path` is
/// the field that says so.
void settle_tool_choice(Fields& fields, std::string_view path, bool none, ChatFields& chat);

}  // namespace linnet::serve
