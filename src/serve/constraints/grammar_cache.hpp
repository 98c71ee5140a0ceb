#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "grammar/expression.hpp"
#include "grammar/grammar_session.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// Compiled grammars, because clients send the same schema or tools with many requests. Belongs to
/// the I/O thread.
class GrammarCache {
 public:
  /// `model` must outlive this.
  explicit GrammarCache(const ServedModel& model) : model_(model) {}

  /// A session with the grammar that `make` gives, or with the one that was compiled for `key`
  /// before. Errors: those of `make`; a grammar that is too large or that the vocabulary can't
  /// spell.
  Result<grammar::GrammarSession> session(const std::string& key,
                                          const std::function<Result<grammar::Grammar>()>& make);

 private:
  using Mask = std::shared_ptr<grammar::TokenMask>;
  Result<Mask> compile(const std::function<Result<grammar::Grammar>()>& make);

  static constexpr std::size_t kMostMasks = 32;

  const ServedModel& model_;
  std::shared_ptr<const grammar::Vocabulary> vocabulary_;  // made when it is first needed
  std::list<std::pair<std::string, Mask>> masks_;          // by key, the last used first
};

}  // namespace linnet::serve
