// https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview: tools without a schema.

#include "serve/requests/client_tools.hpp"

#include <algorithm>
#include <array>

namespace linnet::serve {
namespace {

struct ClientTool {
  std::string_view prefix;  ///< of the type, before its date
  std::string_view description;
  std::string_view parameters;  ///< JSON
};

constexpr std::array kClientTools = {
    ClientTool{"bash_", "Runs a command in a bash session that goes on from call to call.",
               R"({"type": "object", "properties": {
                     "command": {"type": "string", "description": "what to run"},
                     "restart": {"type": "boolean", "description": "begin a new session instead"}}})"},
    ClientTool{"text_editor_", "Shows and changes text files.",
               R"({"type": "object", "properties": {
                     "command": {"enum": ["view", "create", "str_replace", "insert"]},
                     "path": {"type": "string", "description": "of a file, or a folder to view"},
                     "view_range": {"type": "array", "items": {"type": "integer"},
                       "description": "view: the first and the last line, -1 for the end"},
                     "file_text": {"type": "string", "description": "create: what the file holds"},
                     "old_str": {"type": "string",
                       "description": "str_replace: the text to replace, which is there once"},
                     "new_str": {"type": "string",
                       "description": "str_replace: what comes instead; insert: the new text"},
                     "insert_line": {"type": "integer",
                       "description": "insert: the line behind which, 0 for the beginning"}},
                   "required": ["command", "path"]})"},
    ClientTool{"memory_", "Reads and writes files below /memories, which are kept.",
               R"({"type": "object", "properties": {
                     "command": {"enum": ["view", "create", "str_replace", "insert", "delete",
                                          "rename"]},
                     "path": {"type": "string", "description": "of a file, or a folder to view"},
                     "view_range": {"type": "array", "items": {"type": "integer"},
                       "description": "view: the first and the last line"},
                     "file_text": {"type": "string", "description": "create: what the file holds"},
                     "old_str": {"type": "string", "description": "str_replace: the text to replace"},
                     "new_str": {"type": "string", "description": "str_replace: what comes instead"},
                     "insert_line": {"type": "integer", "description": "insert: behind which line"},
                     "insert_text": {"type": "string", "description": "insert: the new text"},
                     "old_path": {"type": "string", "description": "rename: the old name"},
                     "new_path": {"type": "string", "description": "rename: the new one"}},
                   "required": ["command"]})"},
};

}  // namespace

Json client_tool(std::string_view type) {
  const auto tool = std::ranges::find_if(
      kClientTools, [&](const ClientTool& known) { return type.starts_with(known.prefix); });
  if (tool == kClientTools.end()) return nullptr;
  return {{"description", tool->description}, {"parameters", Json::parse(tool->parameters)}};
}

}  // namespace linnet::serve
