#include "serve/constraints/answer_grammar.hpp"

#include <algorithm>

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

namespace {

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

Expression answer_of(const AnswerRules& rules, const std::optional<Expression>& calls,
                     Grammar& grammar) {
  if (!calls) return text_of(rules, grammar);
  if (rules.must_call) return *calls;
  Expression text = text_of(rules, grammar);
  const MessageStyle* const messages = messages_with_text(rules.format);
  if (!rules.text && !messages) return grammar::sequence({text, grammar::optional(*calls)});
  if (!rules.text && !messages->behind_text.empty()) {
    const Expression lead = rules.markers.spelled(messages->behind_text);
    text = grammar::sequence({text, grammar::optional(grammar::sequence({lead, *calls}))});
  }
  return grammar::choice({*calls, text});
}

// The answer, with the thinking before it, which may be none.
Expression behind_thinking(const AnswerRules& rules, const std::optional<Expression>& calls,
                           const Expression& answer) {
  const MarkerSpelling& markers = rules.markers;
  const ReasoningMarks& marks = rules.format.written_reasoning();
  const auto& messages = rules.format.family->messages;
  if (marks.begin.empty() || rules.thinking == ThinkingStage::kOver) return answer;
  const Expression next =
      messages ? markers.spelled(messages->behind_reasoning)
               : grammar::repeat(grammar::characters(grammar::CharacterSet(U'\n')), 0, 2);
  Expression end = grammar::sequence({markers.spelled(marks.end), next, answer});
  std::vector<std::string> ends = {std::string(marks.end)};
  if (const auto& begins = rules.begins_in_thinking; calls && !begins.empty()) {
    ends.insert(ends.end(), begins.begin(), begins.end());
    end = grammar::choice({end, *calls});
  }
  const Expression thinking = grammar::sequence({markers.without(ends), end});
  if (rules.thinking == ThinkingStage::kUnderWay) return thinking;
  return grammar::choice({answer, grammar::sequence({markers.spelled(marks.begin), thinking})});
}

std::uint32_t add_rule(std::string name, Expression body, Grammar& grammar) {
  grammar.rules.push_back({std::move(name), std::move(body)});
  return static_cast<std::uint32_t>(grammar.rules.size() - 1);
}

}  // namespace

Grammar make_answer_grammar(const AnswerRules& rules) {
  Grammar grammar;
  std::optional<Expression> calls;
  if (rules.calls) calls = grammar::append_grammar(*rules.calls, grammar);
  const auto answer = add_rule("answer", answer_of(rules, calls, grammar), grammar);
  grammar.root = add_rule("thinking and answer",
                          behind_thinking(rules, calls, grammar::call(answer)), grammar);
  return grammar;
}

}  // namespace linnet::serve
