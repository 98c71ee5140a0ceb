#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "chat/output/output_format.hpp"

namespace linnet {

struct CallForm;

/// A call of a tool that the model wrote.
struct ToolCall {
  std::string id;  ///< of the model, or nine letters and digits of ours
  std::string name;
  std::string arguments;  ///< JSON text of an object
};

/// A part of an answer.
struct OutputEvent {
  enum class Kind {
    kText,       ///< more of the answer
    kReasoning,  ///< more of the model's thinking
    kToolCall,   ///< a complete call
    kWarning,    ///< for the person who runs the program, not part of the answer
    // Instead of kToolCall, where OutputOptions::held_calls lets a call come while it is written:
    kCallBegin,      ///< its arguments begin
    kCallArguments,  ///< more of them; together they are what ToolCall has
    kCallEnd,        ///< they are complete
  };
  Kind kind;
  std::string text;  ///< empty for calls, but for kCallArguments
  ToolCall call;     ///< of kToolCall, and of kCallBegin without arguments
};

struct OutputOptions {
  /// The tools that the model was told of, in OpenAI's form. Without any, calls are not looked for.
  nlohmann::ordered_json tools;
  /// True if the prompt ends inside the model's thinking: ends_in_reasoning().
  bool starts_in_reasoning = false;
  /// Thinking comes as text, between the marks of the format, or <think> and </think> where it has
  /// none.
  bool thinking_is_text = false;
  /// From which the ids of calls are made.
  std::uint64_t id_seed = 0;
  /// The first call ends the answer: what comes behind it is dropped.
  bool ends_with_call = false;
  /// A grammar holds the calls of the answer to this form: arguments that stand in it as JSON need
  /// not wait for their end. Must outlive the parser; nullptr: a call may turn out to be none.
  const CallForm* held_calls = nullptr;
  /// Held calls come at their end, too; one that is cut is none.
  bool whole_calls = false;
};

/// Takes a model's answer apart while it is written. Text and thinking come out as soon as they
/// cannot be the beginning of a marker; a call comes out when it is complete, or in pieces where it
/// is held. A call that cannot be understood comes out as text, after a warning; of one in pieces
/// that is not complete there is a warning, and no kCallEnd. Not for use by several threads at
/// once.
class OutputParser {
 public:
  virtual ~OutputParser() = default;

  /// More of the answer, with the text of those control tokens that are is_marker() of the format.
  virtual std::vector<OutputEvent> push(std::string_view text) = 0;
  /// What was held back; call once, at the end.
  virtual std::vector<OutputEvent> finish() = 0;
  /// True behind a call that ends the answer: nothing more will come out.
  virtual bool is_over() const = 0;
};

std::unique_ptr<OutputParser> make_output_parser(const OutputFormat& format,
                                                 const OutputOptions& options);

}  // namespace linnet
