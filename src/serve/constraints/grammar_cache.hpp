#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grammar/automata/expression.hpp"
#include "grammar/grammar_session.hpp"
#include "serve/api_error.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// Compiled grammars, because clients send the same schema or tools with many requests. Holds few
/// enough, in use and kept, that no requests can exhaust the memory. Safe to use from several
/// threads, which compile side by side.
class GrammarCache {
 public:
  using Maker = std::function<ApiResult<grammar::Grammar>()>;

  /// `model` must outlive this.
  explicit GrammarCache(const ServedModel& model) : model_(model) {}

  /// A session with the grammar that was compiled for `key` before, or with the one that `make`
  /// returns, which may take long; without `make`, that is the error kTakesLong. Other errors:
  /// those of `make`; a grammar that is too large or that the vocabulary can't spell, which is then
  /// the fault of the field `param`; too many grammars in use.
  ApiResult<grammar::GrammarSession> session(const std::string& key, const std::string& param,
                                             const Maker& make);

 private:
  using Mask = std::shared_ptr<grammar::TokenMask>;
  Mask find(const std::string& digest);
  ApiResult<Mask> make_mask(const std::string& param, const Maker& make);
  Result<std::shared_ptr<const grammar::Vocabulary>> vocabulary();
  bool has_room();
  void keep(const std::string& digest, const Mask& mask);

  static constexpr std::size_t kMostKept = 16;
  static constexpr std::size_t kMostInUse = 64;  // those that are kept among them

  const ServedModel& model_;

  std::mutex mutex_;                                       // guards what follows
  std::shared_ptr<const grammar::Vocabulary> vocabulary_;  // made when it is first needed
  std::list<std::pair<std::string, Mask>> kept_;           // by key, the last used first
  std::vector<std::weak_ptr<const grammar::TokenMask>> in_use_;
};

}  // namespace linnet::serve
