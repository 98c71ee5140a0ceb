#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/output/call_syntax.hpp"
#include "chat/output/output_format.hpp"

namespace linnet {

/// What a calls' form begins with, behind white space and up to an id.
std::string_view begin_of_calls(const CallForm& form);

/// Whether a call of `tools` begins so: `text` stands behind the section's begin. The form, if any,
/// is the only one that calls have.
Fit begins_call(const CallSection& section, std::string_view text, const ToolTable& tools,
                const CallForm* form);

/// The texts with which calls begin that end a model's thinking, without white space and up to the
/// names of tools. A mention of their markers is none of them.
std::vector<std::string> begins_in_thinking(const OutputFormat& format, const CallForm* form);

}  // namespace linnet
