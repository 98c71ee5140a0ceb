#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "grammar/automata/pushdown_automaton.hpp"
#include "grammar/gbnf.hpp"
#include "grammar/grammar_session.hpp"
#include "grammar/matcher.hpp"
#include "grammar/regex.hpp"
#include "grammar/schema/json_schema.hpp"

namespace linnet::grammar::test {

using AutomatonPointer = std::shared_ptr<const PushdownAutomaton>;

inline Result<AutomatonPointer> compiled(Result<Grammar> grammar) {
  if (!grammar) return grammar.error();
  return PushdownAutomaton::compile(*grammar);
}

inline Result<AutomatonPointer> compiled_gbnf(std::string_view text) {
  return compiled(parse_gbnf(text));
}

inline Result<AutomatonPointer> compiled_regex(std::string_view text) {
  return compiled(compile_regex(text));
}

inline Result<AutomatonPointer> compiled_schema(std::string_view text) {
  auto json = parse_schema_json(text);
  if (!json) return json.error();
  auto schema = compile_json_schema(*json);
  if (!schema) return schema.error();
  return PushdownAutomaton::compile(schema->grammar);
}

inline AutomatonPointer must(Result<AutomatonPointer> automaton) {
  if (automaton) return *automaton;
  ADD_FAILURE() << automaton.error().message;
  return *PushdownAutomaton::compile({{{"root", empty()}}, 0});
}

inline std::string error_of(const Result<AutomatonPointer>& automaton) {
  return automaton ? "" : automaton.error().message;
}

inline bool accepts(const AutomatonPointer& automaton, std::string_view text) {
  auto matcher = Matcher::create(automaton);
  if (!matcher) return ADD_FAILURE() << matcher.error().message, false;
  const bool alive = matcher->advance(text);
  const Status status = matcher->within_limits();
  if (!status) ADD_FAILURE() << status.error().message;
  return alive && matcher->complete();
}

/// All single bytes, `more`, and one token that ends the text, which is the last.
inline std::shared_ptr<const Vocabulary> byte_vocabulary(std::vector<std::string> more = {}) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(std::string(1, static_cast<char>(byte)));
  tokens.insert(tokens.end(), more.begin(), more.end());
  tokens.push_back("");
  const auto end = static_cast<std::int32_t>(tokens.size() - 1);
  return *Vocabulary::create(std::move(tokens), {end});
}

inline GrammarSession session_of(const AutomatonPointer& automaton,
                                 const std::shared_ptr<const Vocabulary>& vocabulary,
                                 const MatchLimits& limits = {}) {
  return *GrammarSession::create(*TokenMask::create(automaton, vocabulary, limits));
}

}  // namespace linnet::grammar::test
