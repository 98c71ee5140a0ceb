#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace linnet {

struct CallSyntax;
struct MessageStyle;

/// A stretch of an answer that holds calls of tools.
struct CallSection {
  std::string_view begin;
  std::string_view end;  ///< empty where it goes on to the end of the answer
  const CallSyntax* syntax;
};

/// How a family of models marks its thinking and its calls of tools.
struct OutputFormat {
  std::string_view name;
  std::string_view reasoning_begin;  ///< empty where the family does not think aloud
  std::string_view reasoning_end;
  std::vector<CallSection> sections;
  std::vector<std::string_view> noise;  ///< markers that mean nothing to a reader
  /// A call may stand unmarked where an answer begins, as a JSON object.
  const CallSyntax* bare_json = nullptr;
  /// Messages with headers, in place of all of the above.
  const MessageStyle* messages = nullptr;

  bool is_harmony() const;  ///< they are those of gpt-oss
};

/// OutputFormat::name where the template is of no family that is known.
inline constexpr std::string_view kGenericFamily = "generic";

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
