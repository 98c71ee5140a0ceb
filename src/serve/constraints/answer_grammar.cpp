#include "serve/constraints/answer_grammar.hpp"

#include "grammar/automata/combine.hpp"

namespace linnet::serve {

using grammar::Expression;
using grammar::Grammar;

const ControlToken* MarkerSpelling::control_token_at(std::string_view text) const {
  for (const ControlToken& token : control_tokens_) {
    if (text.starts_with(token.text)) return &token;
  }
  return nullptr;
}

Expression MarkerSpelling::spelled(std::string_view text) const {
  std::vector<Expression> parts;
  std::size_t plain = 0;  // bytes at the beginning of `text` that are no control tokens
  const auto end_plain = [&] {
    if (plain > 0) parts.push_back(grammar::literal(text.substr(0, plain)));
    text.remove_prefix(std::exchange(plain, 0));
  };
  while (plain < text.size()) {
    const ControlToken* const token = control_token_at(text.substr(plain));
    if (!token) {
      ++plain;
      continue;
    }
    end_plain();
    parts.push_back(Expression({grammar::Tokens{{token->id}, false}}));
    text.remove_prefix(token->text.size());
  }
  end_plain();
  return grammar::sequence(std::move(parts));
}

Expression MarkerSpelling::without(std::span<const std::string> markers) const {
  return grammar::text_without(markers);  // nor spelled out where they are control tokens
}

Expression MarkerSpelling::up_to(std::string_view marker) const {
  return grammar::sequence({grammar::text_without(marker), spelled(marker)});
}

namespace {

// The thinking before an answer, which may be none.
Expression reasoning_before(const AnswerRules& rules) {
  const MarkerSpelling& markers = rules.markers;
  const ReasoningMarks& marks = rules.format.written_reasoning();
  const auto& messages = rules.format.family->messages;
  if (marks.begin.empty() || rules.thinking == ThinkingStage::kOver) return grammar::empty();
  const Expression next =
      messages ? markers.spelled(messages->behind_reasoning)
               : grammar::repeat(grammar::characters(grammar::CharacterSet(U'\n')), 0, 2);
  Expression end = grammar::sequence({markers.up_to(marks.end), next});
  if (rules.thinking == ThinkingStage::kUnderWay) return end;
  return grammar::optional(grammar::sequence({markers.spelled(marks.begin), end}));
}

// A message is for somebody, so that texts and calls are messages of their own.
const MessageStyle* messages_with_text(const OutputFormat& format) {
  const auto& messages = format.family->messages;
  return messages && !messages->text_header.empty() ? &*messages : nullptr;
}

Expression text_of(const AnswerRules& rules, Grammar& grammar) {
  Expression text = rules.text ? grammar::append_grammar(*rules.text, grammar)
                               : rules.markers.without(rules.triggers);
  const MessageStyle* const messages = messages_with_text(rules.format);
  if (!messages) return text;
  return grammar::sequence({rules.markers.spelled(messages->text_header), text});
}

Expression answer_of(const AnswerRules& rules, Grammar& grammar) {
  if (!rules.calls) return text_of(rules, grammar);
  const Expression calls = grammar::append_grammar(*rules.calls, grammar);
  if (rules.must_call) return calls;
  Expression text = text_of(rules, grammar);
  const MessageStyle* const messages = messages_with_text(rules.format);
  if (!rules.text && !messages) return grammar::sequence({text, grammar::optional(calls)});
  if (!rules.text && !messages->behind_text.empty()) {
    const Expression lead = rules.markers.spelled(messages->behind_text);
    text = grammar::sequence({text, grammar::optional(grammar::sequence({lead, calls}))});
  }
  return grammar::choice({calls, text});
}

}  // namespace

Grammar make_answer_grammar(const AnswerRules& rules) {
  Grammar grammar;
  Expression answer = grammar::sequence({reasoning_before(rules), answer_of(rules, grammar)});
  grammar.root = static_cast<std::uint32_t>(grammar.rules.size());
  grammar.rules.push_back({"answer", std::move(answer)});
  return grammar;
}

}  // namespace linnet::serve
