#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "chat/output/call_form.hpp"

namespace linnet {

struct CallSyntax;

/// What stands around a model's thinking; empty where it does not think aloud.
struct ReasoningMarks {
  std::string_view begin{}, end{};
};

/// A stretch of an answer that holds calls of tools.
struct CallSection {
  std::string_view begin;
  std::string_view end;  ///< empty where it goes on to the end of the answer
  const CallSyntax* syntax;
  /// Its markers are part of the call, as in <function=NAME>...</function>.
  bool is_one_call = false;
  /// Models forget to end their thinking before such calls. Of others a call in the thinking is
  /// but thought of. Needs `end`.
  bool ends_thinking = false;
};

/// How a family writes messages with headers: a header, `header_end`, and a body up to one of
/// `ends`.
struct MessageStyle {
  std::string_view header_end;
  std::vector<std::string_view> ends;
  /// The recipient of a text where headers are nothing but a recipient. Empty: they have roles and
  /// markers, with what comes next.
  std::string_view person{};
  std::string_view recipient{};                  ///< what stands in front of one
  std::string_view channel{};                    ///< what stands in front of one, if there are any
  std::string_view tool_prefix{};                ///< with which recipients begin that are tools
  std::vector<std::string_view> header_words{};  ///< with which a header may begin
  /// The channel, or the recipient, in the headers of the model's thinking.
  std::string_view reasoning{};
  std::vector<std::string_view> markers{};  ///< others, in headers
  /// How the body of a message to a tool is written; nullptr: it is the arguments.
  const CallSyntax* calls = nullptr;
  /// That of a message to a tool that runs code may be that code.
  bool takes_code = false;
  // How grammars hold an answer to messages; empty where they don't.
  ReasoningMarks written_reasoning{};   ///< a message with thinking, as an answer begins with it
  std::string_view behind_reasoning{};  ///< what leads to the next message
  std::string_view text_header{};       ///< of a message to the person
  /// What leads from there to calls. Empty: an answer is a text or calls.
  std::string_view behind_text{};
  std::string_view call_end{};  ///< not in the call's form: it ends the answer
};

/// Models that write calls of tools in one way, as their templates tell.
struct Family {
  std::string_view name;
  /// What its templates have: any of `signs`, and all of `needs`. The first family that fits is
  /// taken.
  std::vector<std::string_view> signs{};
  std::vector<std::string_view> needs{};
  std::vector<CallSection> sections{};
  /// A call may also stand unmarked where an answer begins, as a JSON object.
  bool has_bare_calls = false;
  std::vector<std::string_view> noise{};  ///< markers that mean nothing to a reader
  /// Ends of calls that mean nothing directly behind a call, and are text elsewhere.
  std::vector<std::string_view> stray_ends{};
  ReasoningMarks reasoning{};  ///< where its templates don't spell it out
  ReasoningMarks answer{};     ///< what may stand around the text behind thinking
  /// Its templates take `functions`, JSON text, and `datetime` in place of `tools`.
  bool takes_functions = false;
  std::optional<MessageStyle> messages{};  ///< in place of sections, noise and reasoning
  /// How calls are written, where templates show none, or a notation that takes more than looking
  /// at it.
  std::optional<CallForm> form{};
};

/// All families, in the order in which they are looked for: some templates also have the signs of
/// later ones.
std::span<const Family> families();

/// Of templates of no other family: answers that are a JSON object.
const Family& generic_family();

/// What thinking stands between, in templates of any family; the first one that a template
/// mentions.
std::span<const ReasoningMarks> reasoning_marks();

}  // namespace linnet
