#pragma once

#include <string_view>

#include "chat/output/families.hpp"

namespace linnet {

/// How a template's model marks its thinking and its calls of tools.
struct OutputFormat {
  const Family* family = &generic_family();  ///< never null
  ReasoningMarks reasoning{};                ///< empty where there are messages, too
  /// A call may stand unmarked where an answer begins, as a JSON object.
  bool has_bare_calls = false;

  /// What stands around thinking in what a model writes, be it the header of a message.
  const ReasoningMarks& written_reasoning() const {
    return family->messages ? family->messages->written_reasoning : reasoning;
  }
};

/// The format of the family whose template this is, seen from the markers in it; the generic one
/// (a JSON object) where it has none that is known.
OutputFormat detect_output_format(std::string_view template_source);

/// Lets the format also understand the calls that a model is asked for, or shown, where its
/// template has no place for them: an answer that is a JSON object with `tool_calls`.
void add_generic_calls(OutputFormat& format);

/// True if a prompt that a template made ends inside the model's thinking.
bool ends_in_reasoning(const OutputFormat& format, std::string_view prompt);
/// True if it ends behind thinking, which the template may leave empty to have none.
bool ends_behind_reasoning(const OutputFormat& format, std::string_view prompt);

/// True if `piece`, the text of a control token, means something to the format: such tokens must be
/// in the text that the parser gets, others need not.
bool is_marker(const OutputFormat& format, std::string_view piece);

}  // namespace linnet
