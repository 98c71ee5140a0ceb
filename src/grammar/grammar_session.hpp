#pragma once

#include <memory>
#include <span>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "grammar/matcher.hpp"
#include "grammar/token_constraint.hpp"
#include "grammar/token_mask.hpp"

namespace linnet::grammar {

/// One text that is being generated under a grammar: says which token may come next, takes the one
/// that was chosen. A token is allowed only if the text can still be completed after it. Copyable
/// (to try tokens and go back); belongs to one thread.
class GrammarSession : public TokenConstraint {
 public:
  /// An Error if the grammar needs deeper calls than its limits allow.
  static Result<GrammarSession> create(std::shared_ptr<TokenMask> mask);

  /// The tokens that may come next. Tokens that end the text are among them exactly if the text is
  /// complete.
  const TokenSet& allowed();
  bool allows(TokenId token) { return allowed().contains(token); }

  /// Sets the logits of all other tokens to minus infinity. Ids beyond the vocabulary are never
  /// allowed.
  void apply(std::span<float> logits) override { allowed().apply(logits); }

  /// Adds a token to the text. After a token that ends it, none is allowed any more. An Error for a
  /// token that is not allowed, which changes nothing, and as within_limits().
  Status accept(TokenId token) override;

  /// True if the text so far belongs to the grammar.
  bool complete() const override { return configurations_.complete; }
  std::unique_ptr<TokenConstraint> clone() const override {
    return std::make_unique<GrammarSession>(*this);
  }
  /// True after a token that ends the text.
  bool ended() const { return ended_; }

  /// The ways in which the text so far can be read, and the calls around them.
  const Configurations& configurations() const { return configurations_; }
  const StackNodes& nodes() const { return nodes_; }

  /// An Error if the grammar can read the text in so many ways that some were given up: then some
  /// tokens may be refused although the grammar allows them.
  Status within_limits() const;

 private:
  explicit GrammarSession(std::shared_ptr<TokenMask> mask) : mask_(std::move(mask)) {}
  void find_allowed();
  void follow_exits(Configuration configuration, const TokenMask::StateMask& mask);
  void walk_exactly(Configuration configuration);
  void take_work(std::uint64_t work);
  Configurations after(TokenId token);

  static constexpr std::uint32_t kManyNodes = 4096;

  std::shared_ptr<TokenMask> mask_;
  StackNodes nodes_;
  std::uint32_t most_nodes_ = kManyNodes;  // before unused ones are dropped
  Configurations configurations_;
  TokenSet allowed_;
  bool allowed_known_ = false;
  bool ended_ = false;
  bool overflowed_ = false;
  std::uint64_t work_left_ = 0;  // of the mask that is being found
};

}  // namespace linnet::grammar
