#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/output/call_syntax.hpp"
#include "chat/output/output_format.hpp"

namespace linnet {

/// The texts with which calls of this form begin that end a model's thinking; none where calls of
/// its family don't. Up to their names where they begin with nothing but a marker, which thinking
/// may mention.
std::vector<std::string> begins_of_form(const CallForm& form, const Family& family,
                                        const ToolTable& tools);

/// Whether a call of `tools` begins so: `text` stands behind the section's begin. `begins` are
/// those of the only form that calls have; empty: they have any.
Fit begins_call(const CallSection& section, std::string_view text, const ToolTable& tools,
                const std::vector<std::string>& begins);

/// The texts with which calls of `tools` begin that end a model's thinking, without white space.
std::vector<std::string> begins_in_thinking(const OutputFormat& format, const CallForm* form,
                                            const ToolTable& tools);

}  // namespace linnet
