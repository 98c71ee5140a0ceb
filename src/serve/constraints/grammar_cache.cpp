#include "serve/constraints/grammar_cache.hpp"

#include <algorithm>

#include "generate/grammar_vocabulary.hpp"

namespace linnet::serve {

Result<grammar::GrammarSession> GrammarCache::session(
    const std::string& key, const std::function<Result<grammar::Grammar>()>& make) {
  const auto known = std::ranges::find(masks_, key, &std::pair<std::string, Mask>::first);
  if (known != masks_.end()) {
    masks_.splice(masks_.begin(), masks_, known);
  } else {
    auto mask = compile(make);
    if (!mask) return mask.error();
    masks_.emplace_front(key, std::move(*mask));
    if (masks_.size() > kMostMasks) masks_.pop_back();
  }
  return grammar::GrammarSession::create(masks_.front().second);
}

Result<GrammarCache::Mask> GrammarCache::compile(
    const std::function<Result<grammar::Grammar>()>& make) {
  const auto rules = make();
  if (!rules) return rules.error();
  const auto automaton = grammar::PushdownAutomaton::compile(*rules);
  if (!automaton) return automaton.error();
  if (!vocabulary_) {
    auto vocabulary = make_grammar_vocabulary(*model_.tokenizer);
    if (!vocabulary) return vocabulary.error();
    vocabulary_ = std::move(*vocabulary);
  }
  return grammar::TokenMask::create(*automaton, vocabulary_);
}

}  // namespace linnet::serve
