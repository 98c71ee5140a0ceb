#pragma once

#include <string_view>

#include "serve/api_error.hpp"

namespace linnet::serve {

/// The function, without a name, that a tool of Anthropic's API stands for whose calls the client
/// runs (bash, the text editor, the memory), by its type as `bash_20250124`: Anthropic's models
/// know it without a schema, others have to be told. Null: the client does not run it, or it needs
/// more than a schema.
Json client_tool(std::string_view type);

}  // namespace linnet::serve
