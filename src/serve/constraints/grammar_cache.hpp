#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grammar/expression.hpp"
#include "grammar/grammar_session.hpp"
#include "serve/api_error.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// Compiled grammars, because clients send the same schema or tools with many requests. Holds only
/// so many, in use and kept, that no requests can take the memory. Belongs to one thread.
class GrammarCache {
 public:
  using Maker = std::function<ApiResult<grammar::Grammar>()>;

  /// `model` must outlive this.
  explicit GrammarCache(const ServedModel& model) : model_(model) {}

  /// A session with the grammar that `make` gives, or with the one that was compiled for `key`
  /// before. Errors: those of `make`; a grammar that is too large or that the vocabulary can't
  /// spell, which is then the fault of the field `param`; too many grammars in use.
  ApiResult<grammar::GrammarSession> session(const std::string& key, const std::string& param,
                                             const Maker& make);

 private:
  using Mask = std::shared_ptr<grammar::TokenMask>;
  Result<Mask> compile(const grammar::Grammar& rules);
  bool has_room();

  static constexpr std::size_t kMostKept = 16;
  static constexpr std::size_t kMostInUse = 64;  // those that are kept among them

  const ServedModel& model_;
  std::shared_ptr<const grammar::Vocabulary> vocabulary_;  // made when it is first needed
  std::list<std::pair<std::string, Mask>> kept_;           // by key, the last used first
  std::vector<std::weak_ptr<const grammar::TokenMask>> in_use_;
};

}  // namespace linnet::serve
