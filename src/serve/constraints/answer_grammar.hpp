#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chat/output/call_form.hpp"
#include "grammar/automata/expression.hpp"
#include "serve/requests/chat_request.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// Texts that a model's template writes, as expressions: control tokens are tokens, all else is
/// text.
class MarkerSpelling {
 public:
  /// `control_tokens`: the longest text first; must outlive this.
  explicit MarkerSpelling(const std::vector<ControlToken>& control_tokens)
      : control_tokens_(control_tokens) {}

  /// `text` is valid UTF-8 and not empty.
  grammar::Expression spelled(std::string_view text) const;
  /// Any text without these.
  grammar::Expression without(std::span<const std::string> markers) const;

 private:
  const ControlToken* control_token_at(std::string_view text) const;

  const std::vector<ControlToken>& control_tokens_;
};

/// Answers that are nothing but calls of `tools` (in OpenAI's form, checked). An Error where the
/// parameters of a tool are a schema that can't be compiled.
Result<grammar::Grammar> make_call_grammar(const CallForm& form, const Json& tools,
                                           const ToolChoice& choice, const MarkerSpelling& markers);

/// The texts with which calls of `tools` begin, and nothing else in an answer does.
std::vector<std::string> call_triggers(const CallForm& form, const Json& tools);

/// Where an answer begins: thinking may come first, has begun, or is over.
enum class ThinkingStage { kAhead, kUnderWay, kOver };

/// What an answer in a conversation is made of.
struct AnswerRules {
  const OutputFormat& format;
  ThinkingStage thinking = ThinkingStage::kAhead;
  const MarkerSpelling& markers;
  std::optional<grammar::Grammar> calls{};  ///< from make_call_grammar(); nothing: no calls
  std::vector<std::string> triggers{};      ///< of the calls, from call_triggers()
  /// With which calls begin that end the model's thinking, whatever else it mentions there.
  std::vector<std::string> begins_in_thinking{};
  std::optional<grammar::Grammar> text{};   ///< nothing: any text
  bool must_call = false;                   ///< there is no text
};

/// Whole answers: the model's thinking if its family thinks, then a text, calls, or both.
grammar::Grammar make_answer_grammar(const AnswerRules& rules);

}  // namespace linnet::serve
